export type Find = (text: string, signal: AbortSignal) => Promise<string[]>;
