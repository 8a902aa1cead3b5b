import ts from 'typescript';
import type { HouseRule } from './house-rule.js';
import type { Repository } from './repository.js';

const parsed = new WeakMap<Repository, Map<string, ts.SourceFile>>();

/** The syntax tree of one file, parsed once per repository. */
function tree(repository: Repository, path: string): ts.SourceFile {
  const trees = parsed.get(repository) ?? new Map<string, ts.SourceFile>();
  parsed.set(repository, trees);
  const known = trees.get(path);
  if (known !== undefined) return known;
  const made = ts.createSourceFile(path, repository.get(path) ?? '', ts.ScriptTarget.ES2023, true);
  trees.set(path, made);
  return made;
}

/** Walks the files whose path matches; `wrong` names a breach at a node, or nothing. */
function judgeNodes(
  repository: Repository,
  files: RegExp,
  wrong: (node: ts.Node, file: ts.SourceFile) => string | undefined,
): string[] {
  const breaches: string[] = [];
  for (const path of repository.keys()) {
    if (!files.test(path)) continue;
    const file = tree(repository, path);
    const visit = (node: ts.Node): void => {
      const breach = wrong(node, file);
      if (breach !== undefined) {
        const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
        breaches.push(`${path}:${line + 1}: ${breach}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return breaches;
}

const testFiles = /^(libs|apps|test)\/.*\.test\.ts$/;

/** True when a comment stands on the node's line or on one of the two lines above: where a reason is written. */
function hasReason(node: ts.Node, file: ts.SourceFile): boolean {
  const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
  const lines = file.text.split('\n').slice(Math.max(0, line - 2), line + 1);
  return lines.some((one) => /(^|\s)(\/\/|\/?\*)/.test(one));
}

/** A call of `test`, `it` and their kin (`test.each(rows)` called once more) with its title, where that is text. */
function testTitle(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node)) return undefined;
  if (
    !/^(test|it|xtest|xit|fit)(\.(only|skip|failing|concurrent))*(\.each\b[^]*)?$/.test(
      node.expression.getText(),
    )
  )
    return undefined;
  const title = node.arguments[0];
  if (title === undefined) return undefined;
  if (ts.isStringLiteralLike(title)) return title.text;
  return ts.isTemplateExpression(title) ? title.getText().slice(1, -1) : undefined;
}

/** True when the title that follows tells: 'the ugly corpus (skipped where it is absent)'. */
function saysSkipped(node: ts.Node, file: ts.SourceFile): boolean {
  const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
  return file.text
    .split('\n')
    .slice(line, line + 3)
    .some((one) => /skipped \w+/.test(one));
}

const testNamesAreSentences: HouseRule = {
  demand: 'the name of a test is a sentence about what holds',
  breaches: (repository) =>
    judgeNodes(repository, testFiles, (node) => {
      const title = testTitle(node);
      if (title === undefined) return undefined;
      if (/^should\b/i.test(title)) return `'${title}': say what holds, not what should`;
      if (/[%$][\w.{#]/.test(title)) return undefined; // the rows of the table complete the sentence
      return title.trim().split(/\s+/).length < 3 ? `'${title}': at least three words` : undefined;
    }),
};

const noForgottenFocus: HouseRule = {
  demand: 'no test runs alone, and one that is skipped says why',
  breaches: (repository) =>
    judgeNodes(repository, testFiles, (node, file) => {
      const text = ts.isPropertyAccessExpression(node) || ts.isIdentifier(node) ? node.getText(file) : '';
      if (/^(test|it|describe)\.only$|^(fit|fdescribe)$/.test(text))
        return `${text}: the others would not run`;
      if (!/^(test|it|describe)\.(skip|todo)$|^(xit|xtest|xdescribe)$/.test(text)) return undefined;
      return hasReason(node, file) || saysSkipped(node, file) ? undefined : `${text} without its reason`;
    }),
};

/** Inside `until`, `eventually` and the like, or `while`, a pause lies between two looks at a condition: that is no luck. */
function isPolling(node: ts.Node): boolean {
  for (let at: ts.Node | undefined = node; at !== undefined; at = at.parent) {
    const named =
      ts.isFunctionDeclaration(at) || ts.isVariableDeclaration(at) ? at.name?.getText() : undefined;
    if (ts.isWhileStatement(at)) return true;
    if (named !== undefined && /^(until|eventually|waitFor|waitUntil|poll)/.test(named)) return true;
  }
  return false;
}

const noSleepingForLuck: HouseRule = {
  demand: 'a test waits for what it expects, never for time to pass',
  breaches: (repository) =>
    judgeNodes(repository, testFiles, (node, file) => {
      const isTimer =
        ts.isCallExpression(node) && /^(setTimeout|sleep|delay)$/.test(node.expression.getText(file));
      if (!isTimer || hasReason(node, file) || isPolling(node)) return undefined;
      return `${node.expression.getText(file)} without a comment that says what it waits for`;
    }),
};

const smallIndex: HouseRule = {
  demand: 'the face of a library has at most 20 names, each named',
  breaches: (repository) =>
    [...repository.keys()].filter(isIndex).flatMap((path) => {
      const names = indexNames(tree(repository, path));
      if (names === undefined) return [`${path}: 'export *' hides what is public`];
      return names.length > 20 ? [`${path}: ${names.length} names`] : [];
    }),
};

const isIndex = (path: string): boolean => /^libs\/[^/]+\/src\/index\.ts$/.test(path);

/** The names an index makes public; undefined when it does not say. */
function indexNames(file: ts.SourceFile): string[] | undefined {
  const names: string[] = [];
  for (const statement of file.statements) {
    if (ts.isExportDeclaration(statement)) {
      if (statement.exportClause === undefined) return undefined;
      if (ts.isNamespaceExport(statement.exportClause)) names.push(statement.exportClause.name.text);
      else
        for (const element of statement.exportClause.elements)
          names.push((element.propertyName ?? element.name).text);
    } else if (isExported(statement)) names.push(declaredName(statement) ?? '');
  }
  return names;
}

function isExported(node: ts.Node): boolean {
  return (
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node) ?? []).some((m) => m.kind === ts.SyntaxKind.ExportKeyword)
  );
}

function declaredName(node: ts.Node): string | undefined {
  if (ts.isFunctionDeclaration(node) || ts.isClassDeclaration(node)) return node.name?.text;
  if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return node.name.text;
  return undefined;
}

const publicFunctionsPromise: HouseRule = {
  demand: 'every public function and class says what it promises',
  breaches: (repository) => {
    const breaches: string[] = [];
    for (const path of repository.keys()) {
      const library = /^libs\/[^/]+\/src\//.exec(path)?.[0];
      if (library === undefined || !path.endsWith('.ts') || path.endsWith('.test.ts') || isIndex(path))
        continue;
      const index = repository.has(`${library}index.ts`)
        ? indexNames(tree(repository, `${library}index.ts`))
        : [];
      for (const statement of tree(repository, path).statements) {
        if (!ts.isFunctionDeclaration(statement) && !ts.isClassDeclaration(statement)) continue;
        const name = statement.name?.text ?? '';
        if (!isExported(statement) || !index?.includes(name)) continue;
        if (ts.getJSDocCommentsAndTags(statement).length === 0)
          breaches.push(`${path}: ${name} has no docstring`);
      }
    }
    return breaches;
  },
};

/** A connection prepares a statement under its name once: another text under the same name fails, on some day, somewhere. */
const statementNames: HouseRule = {
  demand: 'a prepared statement has a name of its own',
  breaches: (repository) => {
    const known = new Map<string, string>();
    return judgeNodes(repository, /^libs\/[^/]+\/src\/(?!.*\.test\.ts$).*\.ts$/, (node, file) => {
      if (!ts.isCallExpression(node) || !/\.query$/.test(node.expression.getText(file))) return undefined;
      const [sql, , name] = node.arguments;
      if (sql === undefined || name === undefined || !ts.isStringLiteral(name)) return undefined;
      const text = `${file.fileName} ${sql.getText(file)}`;
      const other = known.get(name.text);
      known.set(name.text, other ?? text);
      return other === undefined || other === text ? undefined : `'${name.text}' names two statements`;
    });
  },
};

/** The house rules that need a syntax tree. */
export const codeRules: readonly HouseRule[] = [
  testNamesAreSentences,
  noForgottenFocus,
  noSleepingForLuck,
  smallIndex,
  publicFunctionsPromise,
  statementNames,
];
