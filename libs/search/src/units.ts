import { ucumUnits } from './ucum-units.js';

/** What a unit is worth in the dimensions of UCUM: `value * factor + offset` of `dimension`. */
export interface CanonicalUnit {
  readonly factor: number;
  readonly offset: number;
  /** Names the dimension; quantities of one dimension can be compared. */
  readonly dimension: string;
}

interface Unit {
  readonly factor: number;
  readonly powers: ReadonlyMap<string, number>;
  readonly metric: boolean;
}

const prefixes: Readonly<Record<string, number>> = {
  Y: 1e24, Z: 1e21, E: 1e18, P: 1e15, T: 1e12, G: 1e9, M: 1e6, k: 1e3, h: 1e2, da: 10, d: 0.1, c: 1e-2, m: 1e-3, u: 1e-6,
  n: 1e-9, p: 1e-12, f: 1e-15, a: 1e-18, z: 1e-21, y: 1e-24, Ki: 1024, Mi: 1048576, Gi: 1073741824, Ti: 1099511627776,
}; // biome-ignore format: a table
const bases = ['m', 's', 'g', 'rad', 'K', 'C', 'cd'];
const MAX_CODE = 100;
const MAX_KNOWN = 2_000;

let table: Map<string, Unit> | undefined;
const known = new Map<string, CanonicalUnit | undefined>();

/** What a UCUM code means; undefined when it is none, or one on a scale of its own (pH). At most 2,000 answers are kept. */
export function canonicalUnit(code: string): CanonicalUnit | undefined {
  if (known.has(code)) return known.get(code);
  const unit = code.length > MAX_CODE ? undefined : (temperature(code) ?? linear(code));
  if (known.size === MAX_KNOWN) known.clear();
  known.set(code, unit);
  return unit;
}

function temperature(code: string): CanonicalUnit | undefined {
  if (code === 'Cel') return { factor: 1, offset: 273.15, dimension: 'K1' };
  return code === '[degF]' ? { factor: 5 / 9, offset: 273.15 - 160 / 9, dimension: 'K1' } : undefined;
}

function linear(code: string): CanonicalUnit | undefined {
  const reader = new UnitReader(code);
  const unit = reader.term();
  if (unit === undefined || !reader.done) return undefined;
  const powers = [...unit.powers].filter(([, power]) => power !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    factor: unit.factor,
    offset: 0,
    dimension: powers.map(([name, power]) => `${name}${power}`).join(' '),
  };
}

function units(): Map<string, Unit> {
  if (table) return table;
  table = new Map();
  for (const line of ucumUnits.split('\n')) {
    const [code = '', factor, powers = '', flags] = line.split('|');
    const own =
      Number(flags) >= 2
        ? new Map([[code, 1]])
        : new Map(powers.split(' ').map((power, at) => [bases[at] ?? '', Number(power)]));
    table.set(code, { factor: Number(factor), powers: own, metric: Number(flags) % 2 === 1 });
  }
  for (const base of bases) table.set(base, { factor: 1, powers: new Map([[base, 1]]), metric: true });
  return table;
}

const ATOM = /(?:10[*^]|\d+|(?:[A-Za-z%'"]|\[[^\]]*\]|_)+)/y;
const EXPONENT = /[+-]?\d+/y;
const ANNOTATION = /\{[^}]*\}/y;
const one: Unit = { factor: 1, powers: new Map(), metric: false };

/** The grammar of UCUM codes (The Unified Code for Units of Measure, section 2.2). */
class UnitReader {
  private at = 0;

  constructor(private readonly code: string) {}

  get done(): boolean {
    return this.at === this.code.length && this.code !== '';
  }

  term(): Unit | undefined {
    let product: Unit | undefined = this.code[this.at] === '/' ? one : this.component();
    while (product !== undefined && (this.code[this.at] === '.' || this.code[this.at] === '/')) {
      const power = this.code[this.at++] === '/' ? -1 : 1;
      const next = this.component();
      product = next && times(product, next, power);
    }
    return product;
  }

  private component(): Unit | undefined {
    if (this.code[this.at] === '(') {
      this.at++;
      const inner = this.term();
      return this.code[this.at++] === ')' ? inner : undefined;
    }
    const atom = this.match(ATOM);
    const annotated = this.match(ANNOTATION) !== undefined;
    if (atom === undefined) return annotated ? one : undefined;
    if (/^\d+$/.test(atom)) return { ...one, factor: Number(atom) };
    const unit = unitOf(atom === '10^' ? '10*' : atom);
    const exponent = annotated ? undefined : this.match(EXPONENT);
    this.match(ANNOTATION);
    return unit && times(one, unit, exponent === undefined ? 1 : Number(exponent));
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.code)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }
}

function unitOf(atom: string): Unit | undefined {
  const plain = units().get(atom);
  if (plain) return plain;
  for (const length of [1, 2]) {
    const factor = prefixes[atom.slice(0, length)];
    const unit = units().get(atom.slice(length));
    if (factor !== undefined && unit?.metric === true) return { ...unit, factor: unit.factor * factor };
  }
  return undefined;
}

function times(left: Unit, right: Unit, power: number): Unit {
  const powers = new Map(left.powers);
  for (const [name, own] of right.powers) powers.set(name, (powers.get(name) ?? 0) + own * power);
  return { factor: left.factor * right.factor ** power, powers, metric: false };
}
