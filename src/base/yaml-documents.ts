import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  visit,
  type YAMLError,
} from 'yaml';
import { messageOf } from './errors.ts';
import { runAtOnce, type Steps } from './steps.ts';
import { type Mistake, nearest, type Place, showGiven } from './yaml-mistake.ts';

/** The only apiVersion that this program reads. */
export const API_VERSION = 'stillpoint.dev/v1alpha1';

/** How often aliases may be expanded in one document: enough for people, too few for a bomb. */
const ALIAS_COUNT_MAX = 100;

/** How many syntax mistakes of one document are told; one wrong bracket can cause thousands. */
const SYNTAX_MISTAKES_MAX = 10;

/** The library cites what it does not understand, however long it is. */
const SYNTAX_CHARS_MAX = 300;

/** How deep brackets and compact lists may nest. */
const DEPTH_MAX = 200;
/** How many documents one file may hold. */
const DOCUMENTS_MAX = 5_000;

/** A key or an index of a path into a document. */
export type PathPart = string | number;

/** One document of a YAML file: plain data, and a way back to where each part was written. */
export interface YamlDocument {
  file: string;
  kind: string;
  /** The whole document as plain data, apiVersion and kind included. Never checked further. */
  value: Readonly<Record<string, unknown>>;
  /**
   * Where the value at `path` was written; `of: 'key'` points at its key. A path that was not
   * written leads to its nearest written parent.
   */
  place(path: readonly PathPart[], of?: 'key' | 'value'): Place;
}

/** Documents that could be read, and every mistake in those that could not. */
export interface YamlDocuments {
  documents: YamlDocument[];
  mistakes: Mistake[];
}

/**
 * Splits the text into documents and reads apiVersion and kind of each. All syntax mistakes are
 * found, not the first; a document with one is left out. Empty documents are skipped.
 */
export function parseYaml(text: string, file: string): YamlDocuments {
  return runAtOnce(parseYamlSteps(text, file));
}

/** The same in steps: a file of thousands of rules takes a second. */
export function* parseYamlSteps(text: string, file: string): Steps<YamlDocuments> {
  const source = createSource(text, file);
  const result: YamlDocuments = { documents: [], mistakes: [] };
  const shape = excessiveShape(text);
  if (shape !== undefined) {
    result.mistakes.push(wholeFile(file, shape));
    return result;
  }
  let parsed: Document.Parsed[];
  try {
    parsed = yield* composeSteps(text, source.lineCounter);
  } catch (error) {
    // The parser goes down one stack frame a level; thousands of levels end it with a RangeError.
    result.mistakes.push(wholeFile(file, `is nested too deeply to be read (${messageOf(error)})`));
    return result;
  }
  for (const document of parsed) {
    readDocument(document, source, result);
    yield;
  }
  return result;
}

/** So many lexemes are one step: far less than a millisecond. */
const LEXEMES_A_STEP = 200;

/** What the library's parseAllDocuments does, with stops between. */
function* composeSteps(text: string, lineCounter: LineCounter): Steps<Document.Parsed[]> {
  const parser = new Parser(lineCounter.addNewLine);
  const composer = new Composer({
    lineCounter,
    prettyErrors: false,
    // The library compares each key with all before it; ours is linear (wrongKeys).
    uniqueKeys: false,
  });
  const documents: Document.Parsed[] = [];
  const take = (token: Parameters<typeof composer.next>[0]) => {
    documents.push(...(composer.next(token) as Iterable<Document.Parsed>));
  };
  lineCounter.addNewLine(0);
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) take(token);
    if (++lexemes % LEXEMES_A_STEP === 0) yield;
  }
  for (const token of parser.end()) take(token);
  documents.push(...(composer.end() as Iterable<Document.Parsed>));
  return documents;
}

/**
 * What would keep the parser busy for seconds, found before it starts: it goes down one stack
 * frame a level, and pays for each document. Counting is blind to quotes, so the bounds are far
 * above what people write.
 */
function excessiveShape(text: string): string | undefined {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === OPEN_BRACKET || code === OPEN_BRACE) depth++;
    else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) depth = Math.max(0, depth - 1);
    if (depth > DEPTH_MAX) return `is nested more than ${DEPTH_MAX} levels deep`;
  }
  if (/(?:[-?:] {1,9}){200}/.test(text)) return `is nested more than ${DEPTH_MAX} levels deep`;
  const documents = text.match(/^---/gm)?.length ?? 0;
  if (documents > DOCUMENTS_MAX) {
    return `holds ${documents} documents; at most ${DOCUMENTS_MAX} are read`;
  }
  return undefined;
}

const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

/** A mistake about a whole file or directory. */
export function wholeFile(file: string, message: string): Mistake {
  return { file, line: 0, column: 0, path: '', message };
}

/** A mistake at one path of a document. */
export function mistakeAt(
  document: YamlDocument,
  path: readonly PathPart[],
  what: Omit<Mistake, keyof Place | 'path'>,
  of: 'key' | 'value' = 'value',
): Mistake {
  return { ...document.place(path, of), path: showPath(path), ...what };
}

/** The mistake for a document whose kind nobody reads here. */
export function unknownKind(document: YamlDocument, known: readonly string[]): Mistake {
  return mistakeAt(document, ['kind'], {
    message: 'is not a kind that is read here',
    given: showGiven(document.kind),
    allowed: known.join(', '),
    suggestion: nearest(document.kind, known),
  });
}

/** `["spec", "match", 0, "a.b"]` → `spec.match[0]."a.b"`. */
export function showPath(path: readonly PathPart[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else text += `${text === '' ? '' : '.'}${/^[\w/-]+$/.test(part) ? part : JSON.stringify(part)}`;
  }
  return text;
}

interface Source {
  file: string;
  lineCounter: LineCounter;
  placeOf(start: number, end: number): Place;
}

function createSource(text: string, file: string): Source {
  const lineCounter = new LineCounter();
  return {
    file,
    lineCounter,
    placeOf(start, end) {
      const { line, col } = lineCounter.linePos(Math.min(start, text.length));
      const lineStart = lineCounter.lineStarts[line - 1] ?? 0;
      const newline = text.indexOf('\n', lineStart);
      const whole = text.slice(lineStart, newline < 0 ? text.length : newline);
      const line_ = whole.endsWith('\r') ? whole.slice(0, -1) : whole;
      const width = Math.max(1, Math.min(end - start, line_.length - (col - 1)));
      return { file, line, column: col, excerpt: { text: line_, width } };
    },
  };
}

function readDocument(document: Document.Parsed, source: Source, result: YamlDocuments): void {
  const problems = [...document.errors, ...document.warnings].map((problem) =>
    syntaxMistake(problem, source),
  );
  result.mistakes.push(...problems.slice(0, SYNTAX_MISTAKES_MAX));
  if (problems.length > 0 || document.contents === null) return;
  let value: unknown;
  try {
    const repeated = wrongKeys(document, source);
    result.mistakes.push(...repeated.slice(0, SYNTAX_MISTAKES_MAX));
    if (repeated.length > 0) return;
    value = document.toJS({ maxAliasCount: ALIAS_COUNT_MAX });
  } catch (error) {
    const place = placeOfNode(document.contents, source);
    result.mistakes.push({ ...place, path: '', message: `cannot be read: ${messageOf(error)}` });
    return;
  }
  if (value === null) return;
  const root: Node = document.contents;
  const place = (path: readonly PathPart[], of: 'key' | 'value' = 'value') =>
    placeOfNode(nodeAt(document, root, path, of), source);
  const head = { file: source.file, kind: '', value: {}, place };
  if (!isMap(root) || typeof value !== 'object' || Array.isArray(value)) {
    result.mistakes.push(
      mistakeAt(head, [], {
        message: 'the document must be a map with apiVersion and kind',
        given: showGiven(value),
      }),
    );
    return;
  }
  const found = { ...head, value: value as Record<string, unknown> };
  const mistakes = checkHead(found);
  if (mistakes.length > 0) result.mistakes.push(...mistakes);
  else result.documents.push({ ...found, kind: String(found.value.kind) });
}

function checkHead(document: YamlDocument): Mistake[] {
  const { apiVersion, kind } = document.value;
  const mistakes: Mistake[] = [];
  if (apiVersion !== API_VERSION) {
    const path = apiVersion === undefined ? [] : ['apiVersion'];
    mistakes.push(
      mistakeAt(document, path, {
        message: apiVersion === undefined ? 'apiVersion is missing' : 'is not known',
        given: apiVersion === undefined ? undefined : showGiven(apiVersion),
        allowed: API_VERSION,
      }),
    );
  }
  if (typeof kind !== 'string' || kind === '') {
    const path = kind === undefined ? [] : ['kind'];
    const message = kind === undefined ? 'kind is missing' : 'must be the name of a kind';
    mistakes.push(mistakeAt(document, path, { message }));
  }
  return mistakes;
}

function syntaxMistake(problem: YAMLError, source: Source): Mistake {
  const [start, end] = problem.pos;
  const message = `this is not YAML: ${problem.message.slice(0, SYNTAX_CHARS_MAX)}`;
  return { ...source.placeOf(start, Math.max(end, start + 1)), path: '', message };
}

/**
 * Keys that are written twice in one map: the later would silently win. And `__proto__`, which
 * some readers pass over: of labels that a pod must have, one would silently be missing.
 */
function wrongKeys(document: Document.Parsed, source: Source): Mistake[] {
  const mistakes: Mistake[] = [];
  visit(document, {
    Map(_key, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        const text = keyText(key);
        if (text === undefined || !isNode(key)) continue;
        if (text === '__proto__') {
          const message = 'the key "__proto__" is allowed nowhere';
          mistakes.push({ ...placeOfNode(key, source), path: '', message });
        }
        if (seen.has(text)) {
          const message = `the key ${showGiven(text)} is written twice in one map`;
          mistakes.push({ ...placeOfNode(key, source), path: '', message });
        }
        seen.add(text);
      }
    },
  });
  return mistakes;
}

function placeOfNode(node: Node, source: Source): Place {
  const [start, end] = node.range ?? [0, 1];
  return source.placeOf(start, end);
}

/** The node at the path, or the last one on the way that was written. */
function nodeAt(
  document: Document.Parsed,
  root: Node,
  path: readonly PathPart[],
  of: 'key' | 'value',
): Node {
  let node: Node = root;
  let shown: Node = root;
  for (const [depth, part] of path.entries()) {
    const target: unknown = isAlias(node) ? node.resolve(document) : node;
    const isLast = depth === path.length - 1;
    if (isMap(target)) {
      const pair = target.items.find((item) => isPair(item) && keyText(item.key) === String(part));
      if (!pair || !isNode(pair.key)) return shown;
      // A value that was left out (`key:`) has no place of its own.
      const value = isNode(pair.value) && !isEmptyScalar(pair.value) ? pair.value : pair.key;
      // On the way down the key is what a missing part is shown at: a map's own range is long.
      shown = isLast && of === 'value' ? value : pair.key;
      if (!isNode(pair.value)) return shown;
      node = pair.value;
    } else if (isSeq(target)) {
      const item = target.items[Number(part)];
      if (!isNode(item)) return shown;
      node = item;
      shown = item;
    } else {
      return shown;
    }
  }
  return shown;
}

function isEmptyScalar(node: Node): boolean {
  return isScalar(node) && (node.source === '' || node.source === undefined) && !node.value;
}

function keyText(key: unknown): string | undefined {
  return isScalar(key) ? String(key.value) : undefined;
}
