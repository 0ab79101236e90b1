/** How many signatures one answer of the bare signing loop stands for. */
export const signaturesOfLoop = 8;
