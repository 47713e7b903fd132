// The nonce of this answer's policy: the grid makes a style element of its own, and it alone needs it.

export const nonce: string = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
