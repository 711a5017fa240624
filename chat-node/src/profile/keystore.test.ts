import { generateKeyPairSync, sign, verify, X509Certificate } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPeerId, MAX_CERTIFICATE_BYTES, peerIdOfKey } from '@p2p-chat/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadIdentity } from './keystore.js';

let parent: string;
let home: string;
let keyFile: string;
let certificateFile: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'p2p-chat-key-'));
  home = join(parent, 'deep/home');
  keyFile = join(home, 'identity.key');
  certificateFile = join(home, 'identity.crt');
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('loadIdentity', () => {
  it('makes a key at the first start, for its owner alone, whatever the umask is', async () => {
    const umask = process.umask(0);
    const identity = await loadIdentity(home).finally(() => process.umask(umask));
    expect(isPeerId(identity.peerId)).toBe(true);
    expect(await readdir(home)).toEqual(['identity.crt', 'identity.key']);
    expect(await modeOf(home)).toBe(0o700);
    expect(await modeOf(keyFile)).toBe(0o600);
    expect(await modeOf(certificateFile)).toBe(0o600);
  });

  it('gives the same person after a restart, and another one for another profile', async () => {
    const first = await loadIdentity(home);
    const second = await loadIdentity(home);
    expect(second.peerId).toBe(first.peerId);
    expect(second.keyPem).toBe(first.keyPem);
    expect((await loadIdentity(join(parent, 'other'))).peerId).not.toBe(first.peerId);
  });

  it('gives a key, a certificate and a peer id that belong together', async () => {
    const { peerId, privateKey, publicKey, certificatePem } = await loadIdentity(home);
    const certificate = new X509Certificate(certificatePem);
    expect(peerIdOfKey(certificate.publicKey)).toBe(peerId);
    expect(certificate.verify(publicKey)).toBe(true);
    expect(certificate.raw.length).toBeLessThan(MAX_CERTIFICATE_BYTES);
    expect(verify(null, Buffer.from('x'), publicKey, sign(null, Buffer.from('x'), privateKey))).toBe(true);
  });

  it('keeps the certificate for the next start', async () => {
    const { certificatePem } = await loadIdentity(home);
    expect(await readFile(certificateFile, 'utf8')).toBe(certificatePem);
    const { ino } = await stat(certificateFile);
    expect((await loadIdentity(home)).certificatePem).toBe(certificatePem);
    expect((await stat(certificateFile)).ino).toBe(ino);
  });

  it.each([
    ['nothing', () => ''],
    ['half of one', (own: string) => own.slice(0, 200)],
    ["another key's", (_own: string, other: string) => other],
  ])('makes the certificate again where %s is kept', async (_what, broken) => {
    const { certificatePem } = await loadIdentity(home);
    const other = await loadIdentity(join(parent, 'other'));
    await writeFile(certificateFile, broken(certificatePem, other.certificatePem));
    expect((await loadIdentity(home)).certificatePem).toBe(certificatePem);
    expect(await readFile(certificateFile, 'utf8')).toBe(certificatePem);
  });

  it('does without keeping it where that cannot be', async () => {
    const { certificatePem } = await loadIdentity(home);
    await rm(certificateFile);
    await mkdir(certificateFile);
    expect((await loadIdentity(home)).certificatePem).toBe(certificatePem);
    expect(await readdir(home)).toEqual(['identity.crt', 'identity.key']);
  });

  it.each([0o640, 0o604, 0o660, 0o777])('refuses a key that others may use (mode %o)', async (mode) => {
    await loadIdentity(home);
    await chmod(keyFile, mode);
    await expect(loadIdentity(home)).rejects.toMatchObject({
      code: 'identity-exposed',
      hint: `Make it yours alone: chmod 600 '${keyFile}'`,
    });
    expect(await modeOf(keyFile)).toBe(mode);
  });

  it('refuses a folder that others may use, before a key is made in it', async () => {
    await mkdir(home, { recursive: true });
    await chmod(home, 0o755);
    await expect(loadIdentity(home)).rejects.toMatchObject({ code: 'identity-exposed' });
    expect(await readdir(home)).toEqual([]);
  });

  it.each([
    ['nothing', ''],
    ['half of one', '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA'],
    ['bytes', '\0\x01\x02'],
    [
      'an RSA key',
      generateKeyPairSync('rsa', { modulusLength: 2048 })
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString(),
    ],
    [
      'a public key',
      generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    ],
  ])('never replaces a key that is damaged: %s', async (_what, content) => {
    await loadIdentity(home);
    await writeFile(keyFile, content);
    await expect(loadIdentity(home)).rejects.toMatchObject({
      code: 'identity-unreadable',
      message: expect.stringContaining(keyFile) as string,
      hint: expect.stringContaining('backup') as string,
    });
    expect(await readFile(keyFile, 'utf8')).toBe(content);
  });

  it('does not take a folder in the place of a key for no key', async () => {
    await mkdir(keyFile, { recursive: true });
    await chmod(home, 0o700);
    await expect(loadIdentity(home)).rejects.toMatchObject({ code: 'identity-unreadable' });
  });

  it('says where it cannot write', async () => {
    await writeFile(join(parent, 'file'), '');
    await expect(loadIdentity(join(parent, 'file/home'))).rejects.toMatchObject({
      code: 'identity-not-writable',
      message: expect.stringContaining('ENOTDIR') as string,
      hint: expect.stringContaining('P2P_CHAT_HOME') as string,
    });
  });

  it('puts no key into an error', async () => {
    const { keyPem } = await loadIdentity(home);
    await chmod(keyFile, 0o644);
    const error = await loadIdentity(home).catch((refusal: unknown) => refusal);
    const [, secret = ''] = keyPem.split('\n');
    expect(secret.length).toBeGreaterThan(40);
    expect(`${(error as Error).stack}${JSON.stringify(error)}`).not.toContain(secret);
  });
});
