/**
 * Loads something with the formatters of dates that it makes meanwhile made
 * when they are first used. Nest makes two for its own log lines, which a node
 * never writes: the first takes 6 MB, for the data of all languages.
 */
export async function withLateDateFormats<T>(load: () => Promise<T>): Promise<T> {
  const original = Intl.DateTimeFormat;
  Intl.DateTimeFormat = new Proxy(original, {
    construct: (_, options: ConstructorParameters<typeof original>) => late(() => new original(...options)),
  });
  try {
    return await load();
  } finally {
    Intl.DateTimeFormat = original;
  }
}

function late(make: () => Intl.DateTimeFormat): Intl.DateTimeFormat {
  let made: Intl.DateTimeFormat | null = null;
  return new Proxy(Object.create(Intl.DateTimeFormat.prototype) as Intl.DateTimeFormat, {
    get(_, name): unknown {
      made ??= make();
      const value: unknown = Reflect.get(made, name);
      return value instanceof Function ? (value.bind(made) as unknown) : value;
    },
  });
}
