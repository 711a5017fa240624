import { HttpProblem } from './problem.js';

// The methods of each path, for the answer to any other one.
const ROUTES: readonly { path: RegExp; methods: string }[] = [
  { path: /^\/$/, methods: 'GET, HEAD, PUT' },
  { path: /^\/peers\/[^/]+$/, methods: 'DELETE' },
  { path: /^\/(events|health|metrics|docs|docs-json|docs-yaml)$/, methods: 'GET, HEAD' },
];

/** The answer to a request that no handler is for: 405 where the path has others, else 404. */
export function noSuchRoute(method: string, url: string): HttpProblem {
  const path = url.split('?')[0] ?? '';
  const route = ROUTES.find((one) => one.path.test(path));
  if (route === undefined || route.methods.split(', ').includes(method)) {
    return new HttpProblem(404, {
      code: 'route-unknown',
      detail: 'There is nothing at this address.',
      hint: 'Peers register with PUT /; /docs describes the rest.',
    });
  }
  return new HttpProblem(
    405,
    {
      code: 'method-not-allowed',
      detail: `This address takes ${route.methods} only.`,
      hint: 'Peers register with PUT /; /docs describes the rest.',
    },
    { allow: route.methods },
  );
}
