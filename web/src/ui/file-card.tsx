import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { FileView, OfferedFileView } from '@p2p-chat/shared/control';
import { FOLDER_TYPE } from '@p2p-chat/shared/protocol/file';
import { withEvent } from '@p2p-chat/shared/client';
import { safeLine } from '@p2p-chat/shared/text';
import { durationLabel, sizeLabel } from '../model/labels.ts';
import { api, live, state } from '../model/session.ts';
import { words } from '../words/index.ts';
import { Icon } from './icons.tsx';
import { attempt } from './toast.tsx';

/** Images of which there is a preview, up to this size. What a vector image says is never run, so it has none. */
const PREVIEWED = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);
const MAX_PREVIEWED_BYTES = 16 * 1024 * 1024;
/** Of a preview, in pixels. */
const MAX_PREVIEW_WIDTH = 320;
const MAX_PREVIEW_HEIGHT = 240;

/** Takes what the node said of files into the view. */
export function takeFiles(files: readonly FileView[]): void {
  live().store.update((now) => files.reduce((all, file) => withEvent(all, { type: 'file', file }), now));
}

function act(action: () => Promise<FileView[]>): void {
  attempt(async () => takeFiles(await action()));
}

/** A file that a message offers: what it is, how it comes on, and what can be done. Nothing of it is ever shown by itself. */
export function FileCard({ file, mine }: { file: OfferedFileView; mine: boolean }) {
  const w = words.value;
  const transfer = state.value.files.get(file.id);
  const isFolder = file.type === FOLDER_TYPE;
  const here = transfer?.state;
  const moves = here === 'fetching';
  const name = safeLine(file.name);
  const [image, setImage] = useState<ImageBitmap | null>(null);
  return (
    <div class="file">
      <Icon name={isFolder ? 'folder' : 'file'} />
      <div class="file-text">
        <p class="file-name">{name}</p>
        <p class="faint">
          {sizeLabel(file.size)}
          {transfer !== undefined && ` · ${transferLabel(transfer)}`}
        </p>
        {transfer !== undefined && (moves || here === 'paused') && (
          <progress value={transfer.progress} max={1} aria-label={name} />
        )}
        {here === 'complete' && transfer !== undefined && transfer.path !== null && (
          <p class="code faint">{safeLine(transfer.path)}</p>
        )}
        {image !== null && <Preview image={image} name={name} />}
        <div class="file-buttons">
          {!mine && (here === undefined || here === 'offered' || here === 'paused' || here === 'failed') && (
            <button type="button" class="link-button" onClick={() => act(() => api().fetchFile(file.id))}>
              {w.fetch}
              <span class="visually-hidden"> {name}</span>
            </button>
          )}
          {moves && (
            <button type="button" class="link-button" onClick={() => act(() => api().pauseFile(file.id))}>
              {w.pause}
              <span class="visually-hidden"> {name}</span>
            </button>
          )}
          {(moves || here === 'paused') && (
            <button type="button" class="link-button" onClick={() => act(() => api().cancelFile(file.id))}>
              {w.cancel}
              <span class="visually-hidden"> {name}</span>
            </button>
          )}
          {(mine || here === 'complete') && image === null && canPreview(file) && (
            <button
              type="button"
              class="link-button"
              onClick={() => attempt(async () => setImage(await previewOf(file.id)))}
            >
              {w.preview}
              <span class="visually-hidden"> {name}</span>
            </button>
          )}
          {here === 'complete' && !isFolder && !mine && (
            <button type="button" class="link-button" onClick={() => attempt(() => save(file.id, name))}>
              {w.saveFile}
              <span class="visually-hidden"> {name}</span>
            </button>
          )}
        </div>
      </div>
    </div>
  );
}

function canPreview({ type, size }: OfferedFileView): boolean {
  return PREVIEWED.has(type) && size <= MAX_PREVIEWED_BYTES;
}

async function previewOf(id: string): Promise<ImageBitmap> {
  // Where it is none, that is said: what it is was its sender's word.
  return createImageBitmap(await api().fileContent(id));
}

/** Its pixels, painted by the page: nothing of the file itself is in the document. */
function Preview({ image, name }: { image: ImageBitmap; name: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scale = Math.min(1, MAX_PREVIEW_WIDTH / image.width, MAX_PREVIEW_HEIGHT / image.height);
  const [width, height] = [image.width, image.height].map((all) => Math.max(1, Math.round(all * scale)));
  useLayoutEffect(() => {
    canvas.current?.getContext('2d')?.drawImage(image, 0, 0, width ?? 1, height ?? 1);
  }, [image]);
  return (
    <canvas ref={canvas} class="file-preview" role="img" aria-label={name} width={width} height={height} />
  );
}

function transferLabel({ state: now, progress, rate, size, problem }: FileView): string {
  const w = words.value;
  const percent = `${Math.floor(progress * 100)} %`;
  const why = problem === null ? '' : `: ${safeLine(problem.detail)}`;
  switch (now) {
    case 'offered':
      return progress > 0 ? `${w.offered}, ${percent}` : w.offered;
    case 'fetching':
      return rate === null || rate === 0
        ? percent
        : `${percent}, ${sizeLabel(rate)}/s, ${durationLabel(((1 - progress) * size) / rate)}`;
    case 'paused':
      return `${w.paused}, ${percent}${why}`;
    case 'complete':
      return w.complete;
    case 'failed':
      return `${w.failed}${why}`;
  }
}

// The token goes in a header, never in an address: a link of its own, which is good once, brings a file of any size.
async function save(id: string, name: string): Promise<void> {
  const link = document.createElement('a');
  link.href = (await api().fileLink(id)).link;
  link.download = name;
  link.click();
}
