import type { Accent } from "./brand.ts";

/** A gate that stands open, in the operator's colour. Attributes only: under our own policy no style of it would apply. */
export const iconOf = ({ onLight }: Accent): string =>
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">' +
  `<rect width="32" height="32" rx="7" fill="${onLight}"/>` +
  '<path d="M8 26V14a8 8 0 0 1 16 0v12h-4V14a4 4 0 0 0-8 0v12z" fill="#fff"/></svg>';
