/** What is uploaded: a file, or a folder as one stream (`docs/protocol.md`). */
export interface Offering {
  name: string;
  bytes: Blob;
  isFolder: boolean;
}

interface InFolder {
  /** Below the folder, with slashes. */
  path: string;
  /** Null for a folder. */
  file: File | null;
}

/** A folder as a stream. Nothing is read before it is sent, whatever the size. */
export function folderOffering(name: string, entries: readonly InFolder[]): Offering {
  const parts = entries.flatMap(({ path, file }): BlobPart[] => {
    const header = new TextEncoder().encode(
      JSON.stringify(file === null ? { path } : { path, size: file.size }),
    );
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, header.length);
    return file === null ? [length, header] : [length, header, file];
  });
  return { name, bytes: new Blob(parts), isFolder: true };
}

/** What was chosen: files, or all files of one folder. */
export function chosen(files: Iterable<File>): Offering[] {
  const offerings: Offering[] = [];
  const folders = new Map<string, InFolder[]>();
  for (const file of files) {
    const [folder = '', ...rest] = file.webkitRelativePath.split('/');
    if (rest.length === 0) offerings.push({ name: file.name, bytes: file, isFolder: false });
    else folders.set(folder, [...(folders.get(folder) ?? []), { path: rest.join('/'), file }]);
  }
  return [...offerings, ...[...folders].map(([name, entries]) => folderOffering(name, entries))];
}

/** What was dropped: files and folders, with all that is in them. */
export async function dropped(items: DataTransferItemList): Promise<Offering[]> {
  // All at once: the list is empty as soon as anything was waited for.
  const found = [...items].map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const offerings = found.map(async ({ entry, file }): Promise<Offering[]> => {
    if (entry !== null && isFolder(entry)) return [folderOffering(entry.name, await within(entry, ''))];
    return file === null ? [] : [{ name: file.name, bytes: file, isFolder: false }];
  });
  return (await Promise.all(offerings)).flat();
}

async function within(folder: FileSystemDirectoryEntry, above: string): Promise<InFolder[]> {
  const reader = folder.createReader();
  const found: InFolder[] = [];
  for (;;) {
    // Some at a time, and none at the end.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (entries.length === 0) return found;
    for (const entry of entries) {
      const path = `${above}${entry.name}`;
      if (isFolder(entry)) found.push({ path, file: null }, ...(await within(entry, `${path}/`)));
      else found.push({ path, file: await fileOf(entry as FileSystemFileEntry) });
    }
  }
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
