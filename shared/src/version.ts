/** The version of all three workspaces; they are released together. */
export const VERSION = '0.1.0';
