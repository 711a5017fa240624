/** The chunks of a body as they come. By its reader: not every browser iterates over a stream. */
export async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // Who stops reading half-way wants no more of it.
    await reader.cancel().catch(() => undefined);
  }
}
