import ts from 'typescript';
import type { Repository } from './repository.js';

/** One stable code with what the source says about it. */
export interface ErrorCode {
  readonly code: string;
  readonly kinds: Set<string>;
  readonly libraries: Set<string>;
  /** The messages it is thrown with, values as `…`. */
  readonly messages: Set<string>;
}

const CODE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/;
const kindsOfErrors = ['rejected', 'unavailable', 'uncertain', 'denied', 'misconfigured', 'bug'];

/** The text of a literal, of a template with its values as `…`, or of literals joined by `+`. */
function textOf(node: ts.Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map((span) => `…${span.literal.text}`).join('');
  if (ts.isBinaryExpression(node)) return (textOf(node.left) ?? '…') + (textOf(node.right) ?? '…');
  return undefined;
}

function isNewEngineError(node: ts.Node): node is ts.NewExpression {
  return ts.isNewExpression(node) && node.expression.getText() === 'EngineError';
}

/** Functions and methods of a file that build an EngineError from what they are given, with the kind they give it. */
function wrappers(file: ts.SourceFile): Map<string, string | undefined> {
  const found = new Map<string, string | undefined>();
  const visit = (node: ts.Node, name: string | undefined): void => {
    const own =
      ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isVariableDeclaration(node)
        ? (node.name?.getText() ?? name)
        : name;
    if (isNewEngineError(node) && own !== undefined && textOf(node.arguments?.[1]) === undefined)
      found.set(own, textOf(node.arguments?.[0]));
    ts.forEachChild(node, (child) => {
      visit(child, own);
    });
  };
  visit(file, undefined);
  return found;
}

/** Every error code that the libraries and apps can raise, in alphabetical order. */
export function errorCodes(repository: Repository): ErrorCode[] {
  const codes = new Map<string, ErrorCode>();
  const note = (
    path: string,
    code: string | undefined,
    kind: string | undefined,
    message: string | undefined,
  ) => {
    if (code === undefined || !CODE.test(code)) return;
    const known = codes.get(code) ?? { code, kinds: new Set(), libraries: new Set(), messages: new Set() };
    codes.set(code, known);
    if (kind !== undefined && kindsOfErrors.includes(kind)) known.kinds.add(kind);
    known.libraries.add(/^libs\/([^/]+)/.exec(path)?.[1] ?? path);
    if (message !== undefined && /[a-z]/i.test(message)) known.messages.add(message);
  };
  for (const [path, text] of repository) {
    if (!/^(libs\/[^/]+\/src|apps)\/.*\.ts$/.test(path) || path.endsWith('.test.ts')) continue;
    if (!text.includes('_')) continue;
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
    const builders = wrappers(file);
    const visit = (node: ts.Node): void => {
      noteErrors(node, builders, (code, kind, message) => note(path, code, kind, message));
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return [...codes.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
}

function noteErrors(
  node: ts.Node,
  builders: ReadonlyMap<string, string | undefined>,
  note: (code: string | undefined, kind: string | undefined, message: string | undefined) => void,
): void {
  if (isNewEngineError(node)) {
    const [kind, code, message] = node.arguments ?? [];
    note(textOf(code), textOf(kind), textOf(message));
  } else if (ts.isCallExpression(node)) {
    const callee = node.expression.getText().replace(/^.*\./, '');
    const texts = node.arguments.map(textOf);
    if (callee === 'assert') note(texts[1], 'bug', texts[2]);
    else if (builders.has(callee)) {
      const code = texts.find((text) => text !== undefined && CODE.test(text));
      const kind =
        builders.get(callee) ?? texts.find((text) => text !== undefined && kindsOfErrors.includes(text));
      note(
        code,
        kind,
        texts.find((text) => text !== undefined && text !== code && !kindsOfErrors.includes(text)),
      );
    }
  }
}

/** The text of docs/errors.md. */
export function errorReference(repository: Repository): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const rows = errorCodes(repository).map(
    ({ code, kinds, libraries, messages }) =>
      `| \`${code}\` | ${[...kinds].sort().join(', ') || 'by circumstance'} | ${[...libraries].sort().join(', ')} | ${cell([...messages].sort().join('; '))} |`,
  );
  return `${head}${rows.join('\n')}\n`;
}

const head = `<!-- Generated from the code by test/house/error-reference.ts. -->
# Error codes
A code is stable; its kind decides what the engine does; its text is for people and holds nothing of a message (\`…\`
stands for a value such as a file, a setting or a number).

| kind | meaning | the engine |
|---|---|---|
| rejected | this content can never pass | keeps a dead letter |
| unavailable | works later, nothing happened yet | tries again, with backoff |
| uncertain | may or may not have happened | repeats only what can be repeated safely |
| denied | policy or consent says no | stops and logs the access |
| misconfigured | a channel, mapping or setting is wrong | pauses it and names the place |
| bug | an assertion failed | keeps a dead letter and alerts |

| code | kind | library | says |
|---|---|---|---|
`;
