import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  X509Certificate,
} from 'node:crypto';
import { chmod, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  errorCode,
  makePrivateFolder,
  obstacleAt,
  P2pChatError,
  peerIdOfKey,
  replaceFile,
} from '@p2p-chat/shared';

/** Who this node is. */
export interface Identity {
  peerId: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  /** Private key, PKCS #8 PEM. */
  keyPem: string;
  /** Self-signed certificate over the public key, PEM. */
  certificatePem: string;
}

export type IdentityErrorCode = 'identity-unreadable' | 'identity-exposed' | 'identity-not-writable';

/** The key of the profile cannot be used. Nothing was changed. */
export class IdentityError extends P2pChatError {
  declare readonly code: IdentityErrorCode;
  constructor(code: IdentityErrorCode, message: string, options: { hint: string; cause?: unknown }) {
    super(code, message, options);
  }
}

const KEY_FILE = 'identity.key';
/** The certificate of the last start: without it, another one like it is made. */
const CERTIFICATE_FILE = 'identity.crt';
const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_FOLDER = 0o700;

/**
 * Loads the key pair of a profile, or makes it at first start.
 *
 * @param home the profile's data directory; created with mode 0700 where missing
 * @throws {IdentityError} where the key is damaged, readable by others or
 *   cannot be written. A key is never replaced: a new one would be a new person.
 */
export async function loadIdentity(home: string): Promise<Identity> {
  try {
    makePrivateFolder(home);
  } catch (error) {
    throw notWritable(home, error);
  }
  await requireOwnerOnly(home, OWNER_ONLY_FOLDER);
  const file = join(home, KEY_FILE);
  const keyPem = (await readKey(file)) ?? (await createKey(home, file));
  return identityOf(home, keyPem, file);
}

async function identityOf(home: string, keyPem: string, file: string): Promise<Identity> {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(keyPem);
  } catch (error) {
    throw damaged(file, error);
  }
  if (privateKey.asymmetricKeyType !== 'ed25519') throw damaged(file, undefined);
  const publicKey = createPublicKey(privateKey);
  return {
    peerId: peerIdOfKey(publicKey),
    privateKey,
    publicKey,
    keyPem,
    certificatePem: await certificateOf(home, { privateKey, publicKey }),
  };
}

async function certificateOf(
  home: string,
  keys: { privateKey: KeyObject; publicKey: KeyObject },
): Promise<string> {
  const file = join(home, CERTIFICATE_FILE);
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (isCertificateOf(kept, keys)) return kept;
  // Not before it is needed: what makes certificates is larger than all that uses them.
  const { createCertificate } = await import('./certificate.js');
  const made = await createCertificate(keys);
  await keepCertificate(file, made);
  return made;
}

function isCertificateOf(
  pem: string,
  { privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject },
): boolean {
  try {
    const certificate = new X509Certificate(pem);
    return certificate.checkPrivateKey(privateKey) && certificate.verify(publicKey);
  } catch {
    return false;
  }
}

// Where it cannot be kept, the next start makes it again; what is wrong with
// the folder is said by whoever cannot do without it.
async function keepCertificate(file: string, pem: string): Promise<void> {
  const draft = `${file}.${process.pid}.new`;
  try {
    await writeFile(draft, pem, { mode: OWNER_ONLY_FILE });
    await chmod(draft, OWNER_ONLY_FILE);
    await rename(draft, file);
  } catch {
    await rm(draft, { force: true }).catch(() => undefined);
  }
}

async function readKey(file: string): Promise<string | null> {
  try {
    const pem = await readFile(file, 'utf8');
    await requireOwnerOnly(file, OWNER_ONLY_FILE);
    return pem;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    if (error instanceof IdentityError) throw error;
    if (errorCode(error) === 'EACCES' || errorCode(error) === 'EPERM') throw notReadable(file, error);
    throw damaged(file, error);
  }
}

async function createKey(home: string, file: string): Promise<string> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  // Written aside and renamed, so that a crash never leaves half a key, and
  // flushed, so that a peer never learns a key that a power cut takes away.
  try {
    await replaceFile(file, pem, `.${process.pid}.new`);
  } catch (error) {
    throw notWritable(home, error);
  }
  return pem;
}

async function requireOwnerOnly(path: string, mode: number): Promise<void> {
  const found = (await stat(path)).mode & 0o777;
  if ((found & ~mode) === 0) return;
  throw new IdentityError(
    'identity-exposed',
    `${path} may be read or changed by others (mode ${found.toString(8)}).`,
    {
      hint: `Make it yours alone: chmod ${mode.toString(8)} '${path}'`,
    },
  );
}

function damaged(file: string, cause: unknown): IdentityError {
  return new IdentityError(
    'identity-unreadable',
    `The key in ${file} cannot be read as an Ed25519 private key.`,
    {
      hint: 'Restore it from a backup. Without it this profile is a new person to everybody: to start as one, move the folder away.',
      cause,
    },
  );
}

function notReadable(file: string, cause: unknown): IdentityError {
  const { reason, hint } = obstacleAt(file, cause);
  return new IdentityError('identity-unreadable', `Cannot read ${file}: ${reason}.`, { hint, cause });
}

function notWritable(home: string, cause: unknown): IdentityError {
  const { reason, hint } = obstacleAt(home, cause);
  return new IdentityError('identity-not-writable', `Cannot write to ${home}: ${reason}.`, { hint, cause });
}
