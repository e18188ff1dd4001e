export type Find = (text: string, signal: AbortSignal) => Promise<string[]>;

export const PAUSE_MS = 250;

/** Searches when nothing was typed for a moment; only the results of the latest search are shown. */
export class Search {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running: AbortController | undefined;

  constructor(
    private readonly find: Find,
    private readonly show: (results: string[]) => void,
    private readonly fail: (error: unknown) => void,
  ) {}

  type(text: string): void {
    this.stop();
    if (text.trim() === "") {
      this.show([]);
      return;
    }
    this.timer = setTimeout(() => void this.run(text), PAUSE_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.running?.abort();
    this.running = undefined;
  }

  private async run(text: string): Promise<void> {
    const own = new AbortController();
    this.running = own;
    try {
      const results = await this.find(text, own.signal);
      if (!own.signal.aborted) {
        this.show(results);
      }
    } catch (error) {
      if (!own.signal.aborted) {
        this.fail(error);
      }
    }
  }
}
