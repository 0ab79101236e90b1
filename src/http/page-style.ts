import { type Accent, surfaces } from "./brand.ts";

/** The theme: what an operator's brand changes, and nothing else does. */
export const styleOf = ({ onLight, onDark }: Accent): string =>
  `:root{--accent:light-dark(${onLight},${onDark});--page:light-dark(${surfaces.light},#121418);--surface:light-dark(#fff,${surfaces.dark})}` +
  `@supports not (color:light-dark(#000,#fff)){:root{--accent:${onLight};--page:${surfaces.light};--surface:#fff}}` +
  sheet;

/** A grid of 4 px; three sizes of text; neutrals carry the page, and colour means something. */
const sheet = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1a1c20, #eceef1);
  --muted: light-dark(#565c67, #a9b0bb);
  --edge: light-dark(#7f8692, #7b828e);
  --line: light-dark(#dfe2e7, #333841);
  --on-accent: light-dark(#fff, #121418);
  --danger: light-dark(#b3261e, #ff9a90);
  --danger-page: light-dark(#fdf0ef, #33201f);
  --done: light-dark(#1b6e3c, #7fd3a0);
  --done-page: light-dark(#eef8f1, #1b2c22);
  --radius: 8px;
}
@supports not (color: light-dark(#000, #fff)) {
  :root {
    color-scheme: light;
    --text: #1a1c20; --muted: #565c67; --edge: #7f8692; --line: #dfe2e7; --on-accent: #fff;
    --danger: #b3261e; --danger-page: #fdf0ef; --done: #1b6e3c; --done-page: #eef8f1;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: none; text-size-adjust: none; }
body {
  margin: 0; min-block-size: 100vh; min-block-size: 100dvh; display: flex; flex-direction: column;
  background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  overflow-wrap: anywhere;
}
h1 { font-size: 1.75rem; line-height: 1.2; font-weight: 600; margin: 0 0 16px; text-wrap: balance; }
h2 { font-size: 1rem; font-weight: 600; margin: 0; }
p { margin: 0 0 16px; max-inline-size: 65ch; }
a { color: var(--accent); text-underline-offset: 3px; }
small, .small { font-size: .875rem; color: var(--muted); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; inset-block-start: 8px; inset-inline-start: 8px; padding: 8px 16px; background: var(--surface); }
.skip:not(:focus) { transform: translateY(-200%); }
.unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.top { display: flex; align-items: center; justify-content: space-between; gap: 8px 16px; padding: 16px 24px; }
.brand { font-weight: 600; color: inherit; text-decoration: none; padding-block: 10px; flex: 0 1 auto; min-inline-size: 0; }
.top form { flex: none; }
.wide .top { inline-size: 100%; max-inline-size: 768px; margin-inline: auto; }
main { inline-size: 100%; max-inline-size: 400px; margin: 0 auto auto; padding: 24px 32px 32px; background: var(--surface); }
body:not(.wide) .top { inline-size: 100%; max-inline-size: 400px; margin: auto auto 0; padding-inline: 0; }
.wide main { max-inline-size: 720px; background: none; padding: 8px 0 48px; }
@media (min-width: 480px) {
  body:not(.wide) main { border: 1px solid var(--line); border-radius: var(--radius); box-shadow: 0 1px 3px rgb(0 0 0 / .08); }
}
@media (max-width: 479px) {
  body:not(.wide) { background: var(--surface); }
  body:not(.wide) .top { margin: 0; max-inline-size: none; padding: 16px 24px 0; }
  main, .wide main { max-inline-size: none; padding: 8px 24px 32px; }
}
@media (min-width: 480px) and (max-width: 767px) { .wide main { padding-inline: 24px; } }

nav { border-block-end: 1px solid var(--line); margin-block-end: 32px; }
nav ul { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0 24px; }
nav a { display: block; padding: 10px 0; color: var(--muted); text-decoration: none; border-block-end: 2px solid transparent; margin-block-end: -1px; }
nav a:hover { color: var(--text); }
nav [aria-current] { color: var(--text); font-weight: 600; border-color: var(--accent); }

form { margin: 0; }
.field { margin-block-end: 24px; }
label { display: block; font-weight: 600; margin-block-end: 4px; }
.hint, .wrong { margin: 4px 0 0; font-size: .875rem; }
.hint { color: var(--muted); }
.wrong { color: var(--danger); font-weight: 600; }
.wrong::before { content: "! " / ""; }
input {
  inline-size: 100%; min-block-size: 44px; padding: 8px 12px; font: inherit; color: inherit;
  background: var(--surface); border: 1px solid var(--edge); border-radius: var(--radius);
}
input:focus-visible { outline-offset: 0; border-radius: var(--radius); }
input[aria-invalid] { border-color: var(--danger); box-shadow: inset 0 0 0 1px var(--danger); }
.check { display: flex; align-items: center; gap: 12px; min-block-size: 44px; margin-block-end: 16px; font-weight: 400; }
.check input { flex: none; margin: 0; inline-size: 20px; accent-color: var(--accent); }
.secret { position: relative; }
.secret:has(button) input { padding-inline-end: 80px; }
.secret button { position: absolute; inset-block: 0; inset-inline-end: 0; border: 0; background: none; color: var(--accent); font-weight: 400; padding: 0 16px; }

button, .button {
  display: inline-flex; align-items: center; justify-content: center; min-block-size: 44px; padding: 8px 16px;
  font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer;
  color: var(--text); background: var(--surface); border: 1px solid var(--edge); border-radius: var(--radius);
}
button:hover, .button:hover { border-color: var(--text); }
button:focus-visible, .button:focus-visible { border-radius: var(--radius); }
button.primary, .button.primary { color: var(--on-accent); background: var(--accent); border-color: transparent; }
.primary:hover { filter: brightness(.92); }
button.danger { color: var(--danger); border-color: var(--danger); }
button.quiet { border-color: transparent; background: none; color: var(--accent); font-weight: 400; padding-inline: 0; }
button[aria-busy] { opacity: .7; cursor: progress; }
body:not(.wide) main .whole { inline-size: 100%; }
.after { margin: 24px 0 0; }
.after a, .line a { display: inline-block; padding-block: 10px; }
.after a + a::before { content: none; }
.links { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 16px; }

.note { padding: 12px 16px; margin-block-end: 24px; border-radius: var(--radius); border-inline-start: 4px solid; }
.note p { margin: 0; }
.note.done { background: var(--done-page); border-color: var(--done); }
.note.told { background: color-mix(in srgb, var(--accent) 8%, var(--surface)); border-color: var(--accent); }
.note.alert { background: var(--danger-page); border-color: var(--danger); }

.rows { list-style: none; margin: 0 0 32px; padding: 0; background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius); }
.rows > li { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 8px 24px; padding: 16px; }
.rows > li + li { border-block-start: 1px solid var(--line); }
.rows > li > :first-child { flex: 1 1 240px; min-inline-size: 0; }
.rows p { margin: 0; }
.rows + form { margin-block-end: 32px; }
.rows h2 { display: flex; flex-wrap: wrap; gap: 0 8px; }
.badge { padding: 0 8px; border-radius: 12px; font-size: .875rem; font-weight: 600; color: var(--done); background: var(--done-page); }
.badge.grave { color: var(--danger); background: var(--danger-page); }
.stack { display: flex; flex-wrap: wrap; gap: 16px; }
.panel { max-inline-size: 464px; padding: 24px 32px 32px; margin-block-end: 32px; background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius); }
.panel h2 { margin-block-end: 8px; }
@media (scripting: none) { .scripted { display: none; } }
.or { margin: 16px 0; text-align: center; color: var(--muted); }
.choice { padding-block: 16px; border-block-start: 1px solid var(--line); }
.choice h2 { margin-block-end: 4px; }
h3 { font-size: 1rem; font-weight: 600; margin: 0; }
section > h2 { margin-block-end: 8px; }
summary { padding-block: 10px; color: var(--accent); cursor: pointer; }
.change[open] { flex: 1 1 100%; }
.change form { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 16px; margin-block: 8px; }
.change label { margin: 0; }
.change input { flex: 1 1 160px; inline-size: auto; min-inline-size: 0; }
.qr { inline-size: 264px; max-inline-size: 100%; margin: 0 auto 16px; border-radius: var(--radius); overflow: hidden; background: #fff; forced-color-adjust: none; }
.wide .qr { margin-inline: 0; }
.qr svg { display: block; inline-size: 100%; block-size: auto; }
.wide main > form { max-inline-size: 400px; }
.codes { display: grid; grid-template-columns: repeat(auto-fit, minmax(208px, 1fr)); gap: 8px 24px; max-inline-size: 520px; margin: 0 0 24px; padding: 16px 16px 16px 48px; background: var(--surface); border: 1px solid var(--line); border-radius: var(--radius); }
.codes code { font-size: 1rem; }
.plain { padding-inline-start: 20px; margin: 0 0 24px; }
code { font: .875rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
@media (max-width: 479px) { .panel { padding: 16px 16px 24px; } .panel .whole { inline-size: 100%; } }
@media (forced-colors: active) { button, .button { border-color: ButtonText; } nav [aria-current] { border-color: Highlight; } }
`;
