import type { XmlElement } from '#cda';
import { nearestName } from '#kernel';
import { isByClass } from '../language/document-parts.js';
import { ExpressionMistake } from '../language/expression-mistake.js';
import type { MapStep, MessageMapSource, ResourceMapSource, StepPart } from '../language/mapping-file.js';
import type { Place } from '../language/place.js';
import { type Problems, suggestion } from '../language/problems.js';
import { renamed } from '../language/xml-names.js';
import { parseXmlPath, type XmlStep } from '../language/xml-path.js';
import { settleReferences } from '../run/elsewhere.js';
import type { Run } from '../run/run.js';
import { noteDrops, xmlDrops } from '../run/xml-drops.js';
import { xmlWalk } from '../run/xml-select.js';
import { isValued } from '../types/cda/element-parts.js';
import { scopeOf, type UseSite } from './compile-resource.js';
import { compileCondition } from './compile-text.js';
import { addName } from './create-step.js';
import { PartChoice } from './part-choice.js';
import type { Compiler } from './scope.js';
import { type CreateStep, type EachStep, StepNames } from './step-names.js';

/** Does one step at an element. */
type ElementStep = (run: Run, element: XmlElement) => void;
type Around = readonly EachStep[];

/** A compiled map of parts of documents. */
interface Part {
  /** The elements that it is for. */
  readonly claims: readonly XmlStep[];
  readonly isByClass: boolean;
  readonly run: ElementStep;
}

export interface DocumentProgram {
  readonly steps: (run: Run) => void;
  /** How many names hold resources. */
  readonly nameCount: number;
}

/** Compiles the steps of a map of documents; undefined, and problems, when one is wrong. */
export function compileDocument(map: MessageMapSource, compiler: Compiler): DocumentProgram | undefined {
  compiler.parts.add(map.file);
  const names = new StepNames(map, compiler);
  const builder = new StepBuilder(compiler, names);
  const steps = builder.steps(map.steps, [], map);
  if (!steps) return undefined;
  const drops = xmlDrops(map.name, map.drop);
  return {
    steps: (run) => {
      const { above } = run.document;
      steps(run, above);
      settleReferences(run);
      if (run.accounting) noteDrops(run, above, drops);
    },
    nameCount: names.count,
  };
}

class StepBuilder {
  /** Where `maps` steps in a part lead, while one is compiled. */
  #parts: PartChoice<Part> | undefined;

  constructor(
    readonly compiler: Compiler,
    readonly names: StepNames,
  ) {}

  steps(steps: readonly MapStep[], around: Around, map: MessageMapSource): ElementStep | undefined {
    const compiled = steps.map((step) => this.step(step, around, map));
    const good = compiled.filter((step) => step !== undefined);
    if (good.length < compiled.length) return undefined;
    return (run, element) => {
      for (const step of good) step(run, element);
    };
  }

  private step(step: MapStep, around: Around, map: MessageMapSource): ElementStep | undefined {
    switch (step.kind) {
      case 'each':
        return this.each(step, around, map);
      case 'create':
        return this.create(step, around, map);
      case 'maps':
        return this.maps(step, around, map);
    }
  }

  private each(step: EachStep, around: Around, map: MessageMapSource): ElementStep | undefined {
    const path = this.path(step.group, step.place, map);
    const body = this.body(step, around, map);
    if (!path || !body) return undefined;
    const walk = xmlWalk(path);
    return (run, from) => {
      walk(run.document, from, (element) => {
        if (isValued(run.document, element)) body(run, element);
        return false;
      });
    };
  }

  /** The steps in a step; names that live there start empty. */
  private body(step: EachStep, around: Around, map: MessageMapSource): ElementStep | undefined {
    const here = [...around, step];
    const body = this.steps(step.steps, here, map);
    const fresh = this.names.startingIn(here);
    return (
      body &&
      ((run, element) => {
        for (const slot of fresh) run.emptyName(slot);
        body(run, element);
      })
    );
  }

  /** Each element to the first map that is for it; what none knows the template of is told, once for each. */
  private maps(
    step: Extract<MapStep, { kind: 'maps' }>,
    around: Around,
    map: MessageMapSource,
  ): ElementStep | undefined {
    const path = this.path(step.path, step.place, map);
    const good = this.#parts ?? this.parts(step.parts, around);
    if (!path || !good) return undefined;
    const walk = xmlWalk(path);
    return (run, from) => {
      walk(run.document, from, (element) => {
        if (!isValued(run.document, element)) return false;
        const part = good.find(run.document, element);
        if (!part || part.isByClass)
          run.fail('CDA_TEMPLATE_UNKNOWN', map.name, unknownText(run, element), element.start);
        part?.run(run, element);
        return false;
      });
    };
  }

  /** The maps of parts; `maps` steps in them lead to the same, whatever stands in what. */
  private parts(parts: readonly StepPart[], around: Around): PartChoice<Part> | undefined {
    const compiled: Part[] = [];
    const choice = new PartChoice(compiled);
    this.#parts = choice;
    for (const part of parts) {
      const one = this.part(part, around);
      if (one) compiled.push(one);
    }
    this.#parts = undefined;
    return compiled.length < parts.length ? undefined : choice;
  }

  private part({ map, each }: StepPart, around: Around): Part | undefined {
    this.compiler.parts.add(map.file);
    const body = this.body(each, around, map);
    const claims = map.for.map(({ text }) => claimStep(text));
    const drops = xmlDrops(map.name, map.drop);
    const own = this.names.startingIn([...around, each]);
    const run: ElementStep = (state, element) => {
      // A part may stand in another of its kind, which keeps its names.
      const kept = own.map((slot) => state.names[slot] ?? []);
      body?.(state, element);
      own.forEach((slot, i) => state.setName(slot, kept[i] ?? []));
      if (state.accounting) noteDrops(state, element, drops);
    };
    return body && { claims, run, isByClass: map.for.some(({ text }) => isByClass(text)) };
  }

  private create(step: CreateStep, around: Around, map: MessageMapSource): ElementStep | undefined {
    const { compiler } = this;
    const problems = compiler.problemsOf(map.file);
    const source = this.resourceMap(step, problems);
    const path = source && this.path(step.from ?? source.source.name, step.place, map);
    if (!source || !path || !isOf(source, path, step, problems)) return undefined;
    const site: UseSite = {
      group: undefined,
      names: this.names.at(step, around),
      aliases: new Map(),
      level: 1,
    };
    const plan = compiler.elementPlan(source, site.names);
    const when = step.when && this.condition(step, source, site, problems);
    if (!plan || (step.when && !when)) {
      if (compiler.problemsOf(source.file) !== problems)
        problems.add(
          step.place,
          'MAPPING_UNUSABLE',
          `${step.map} has mistakes of its own`,
          `correct ${source.file}`,
        );
      return undefined;
    }
    const name = this.names.slotOf(step);
    const walk = xmlWalk(path);
    return (run, from) => {
      walk(run.document, from, (element) => {
        run.element = element;
        if (!isValued(run.document, element) || (when && !when(run))) return false;
        const mapped = plan.ofElement(run, element);
        if (!mapped) return false;
        run.made.push({ mapped, start: element.start });
        if (name !== undefined) addName(run, name, mapped);
        return false;
      });
      run.element = from;
    };
  }

  private resourceMap(step: CreateStep, problems: Problems): ResourceMapSource | undefined {
    const { maps } = this.compiler;
    const map = maps.get(step.map);
    if (!map) {
      const remedy = suggestion(nearestName(step.map, [...maps.keys()]), [], 'write it, or correct the name');
      problems.add(step.place, 'MAPPING_UNKNOWN_MAP', `there is no map ${step.map}`, remedy);
      return undefined;
    }
    if (map.source.kind === 'element' && map.labels.length + map.parents.length === 0) return map;
    const message =
      map.source.kind === 'element'
        ? `${step.map} has labels or parents, which only messages have`
        : `${step.map} reads HL7 v2, not elements of documents`;
    problems.add(step.place, 'MAPPING_SOURCE', message, 'name a map with source: cda/...; refer by names');
    return undefined;
  }

  private condition(step: CreateStep, source: ResourceMapSource, site: UseSite, problems: Problems) {
    if (!step.when) return undefined;
    const frame = { kind: 'element', name: source.source.name } as const;
    const scope = { ...scopeOf(source, site, this.compiler, frame), problems, place: step.whenPlace };
    const uses = new Set(site.names.keys());
    return compileCondition(renamed(step.when, uses) as typeof step.when, { ...scope, uses });
  }

  private path(text: string, place: Place, map: MessageMapSource): XmlStep[] | undefined {
    const problems = this.compiler.problemsOf(map.file);
    try {
      const steps = parseXmlPath(text, 0);
      if (steps.at(-1)?.axis !== 'attribute') return steps;
      problems.add(place, 'MAPPING_GROUP', `${text} is an attribute`, 'steps go over elements');
    } catch (error) {
      if (!(error instanceof ExpressionMistake)) throw error;
      problems.add(place, 'MAPPING_GROUP', error.message, error.remedy);
    }
    return undefined;
  }
}

/** The element and the predicates that `for` names. */
function claimStep(claim: string): XmlStep {
  return parseXmlPath(claim.slice('cda/'.length), 0)[0] as XmlStep;
}

/** False, and a problem, when a path leads to elements of another name than the map reads. */
function isOf(
  source: ResourceMapSource,
  path: readonly XmlStep[],
  step: CreateStep,
  problems: Problems,
): boolean {
  const last = path.at(-1);
  const { name } = source.source;
  const isNamed = last && (last.axis === 'child' || last.axis === 'descendant');
  if (!isNamed || name === '*' || last.name === '*' || last.name === name) return true;
  problems.add(
    step.place,
    'MAPPING_SOURCE',
    `${source.name} reads ${name}, and the path leads to ${last.name}`,
    'correct from:, or source: of the map',
  );
  return false;
}

/** Templates are no content: they say which map is missing. */
function unknownText({ document }: Run, element: XmlElement): string {
  const ids = element.childrenNamed('templateId').flatMap((one) => document.attribute(one, 'root') ?? []);
  const oids = ids.filter((id) => /^[0-9A-Za-z.-]{1,64}$/.test(id)).slice(0, 5);
  const templates = oids.length > 0 ? `with the template ${oids.join(', ')}` : 'without a template';
  return `no map is for ${element.name} ${templates}`;
}
