/** Whose pages these are: the operator's name and one colour. */
export type Brand = { readonly name: string; readonly accent: Accent };
/** Six hexadecimal digits after `#`, for light pages and for dark ones. */
export type Accent = { readonly onLight: string; readonly onDark: string };

/** The surfaces on which the accent stands as text, and whose colour stands as text on it. */
export const surfaces = { light: "#f6f7f9", dark: "#1b1e24" } as const;
/** WCAG 2.2, success criterion 1.4.3: text of the size of ours. */
const contrastMin = 4.5;
export const defaultAccent = "#1d5fc4";

/** Null for what is no such colour, or cannot be read on a light page. On dark pages it is lightened until it can. */
export function parseAccent(text: string): Accent | null {
  const onLight = text.toLowerCase();
  if (!/^#[0-9a-f]{6}$/.test(onLight) || contrastOf(onLight, surfaces.light) < contrastMin) return null;
  for (let share = 0; share < 1; share += 0.05) {
    const onDark = mixedWithWhite(onLight, share);
    if (contrastOf(onDark, surfaces.dark) >= contrastMin) return { onLight, onDark };
  }
  return null;
}

const channelsOf = (hex: string): number[] =>
  [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

/** WCAG's contrast ratio of two colours, 1 to 21. */
export function contrastOf(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminanceOf(one), luminanceOf(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** WCAG's relative luminance of an sRGB colour. */
function luminanceOf(hex: string): number {
  const [red = 0, green = 0, blue = 0] = channelsOf(hex).map((channel) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const mixedWithWhite = (hex: string, share: number): string =>
  `#${channelsOf(hex)
    .map((channel) =>
      Math.round(channel + (255 - channel) * share)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
