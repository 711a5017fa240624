/** The worst that strangers can write. */

/** What drives a terminal, or shows a text as another one: none of it may arrive anywhere. */
export const ATTACKS = [
  // Where no console moves the cursor by itself.
  '\u001b[99;95H',
  '\u001b[7;35m',
  '\u001b[3J',
  '\u001b]8;;http://evil.example\u0007',
  '\u001b]52;c;aGk=\u0007',
  '\u001bP1;2|x\u001b\\',
  '\u009b35m',
  '\u009d0;title\u009c',
  '\u0090x\u009c',
  '\b\b\b',
  'seen\rhidden',
  '\u202etxet',
  '\u2066x\u2069',
  '\u200b',
  'pay\u200dpal',
  '\ufeff',
  '\u0007',
];

/** What is markup, script or a link that leads elsewhere, in a page that takes it for such. */
export const MARKUP = [
  '<img src="http://evil.example/a.png" onerror="document.title=\'owned\'">',
  '<script>document.title="owned"</script>',
  '"><svg/onload=alert(1)>',
  "' onfocus=alert(1) autofocus x='",
  'javascript:alert(1) data:text/html,<script>alert(1)</script>',
  'https://good.example@evil.example/ https://аpple.example/',
  '{{constructor.constructor("alert(1)")()}} ${alert(1)}',
];
