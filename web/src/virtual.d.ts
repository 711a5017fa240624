declare module 'virtual:emoji/*' {
  const emoji: readonly (readonly [unicode: string, group: number, label: string, tags: string])[];
  export default emoji;
}
declare module '*.css';
