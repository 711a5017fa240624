// Lists every production package with its licence, and fails where one is not
// permissive: `make licences`.
import { execFileSync } from 'node:child_process';

interface Package {
  name: string;
  version: string;
  license?: string;
  path: string;
  location: string;
}

const PERMISSIVE = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'MIT-0',
  'Python-2.0',
  'Unlicense',
]);

const query = execFileSync('npm', ['query', '.prod'], { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
const packages = (JSON.parse(query) as Package[])
  .filter(({ location }) => location.startsWith('node_modules/'))
  .sort((a, b) => a.name.localeCompare(b.name));
const isPermissive = ({ license = '' }: Package): boolean =>
  license
    .replace(/[()]/g, '')
    .split(' OR ')
    .some((alternative) => alternative.split(' AND ').every((one) => PERMISSIVE.has(one)));

for (const { name, version, license } of packages) console.log(`${license ?? 'none'}\t${name}@${version}`);
const others = packages.filter((one) => !isPermissive(one));
if (others.length > 0) {
  console.error(`Not permissive: ${others.map(({ name, license }) => `${name} (${license})`).join(', ')}`);
  process.exitCode = 1;
}
