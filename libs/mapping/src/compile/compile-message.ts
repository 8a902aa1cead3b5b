import { nearestName } from '#kernel';
import { type GroupNode, parseStructure, Structure } from '../dictionary/structure.js';
import { structureGrammar } from '../dictionary/v2-dictionary.js';
import type { Condition } from '../language/expression.js';
import type { MapStep, MessageMapSource, ResourceMapSource } from '../language/mapping-file.js';
import type { Place } from '../language/place.js';
import { type Problems, suggestion } from '../language/problems.js';
import type { GroupInstance } from '../run/group-instance.js';
import { MessageLinks, type PlanLinks } from '../run/message-links.js';
import type { SegmentBits } from '../run/segment-bits.js';
import type { Level } from '../types/convert.js';
import { compileLinks } from './compile-links.js';
import { compileResource } from './compile-resource.js';
import { compileCondition } from './compile-text.js';
import { compileValue } from './compile-value.js';
import {
  createStep,
  type RunStep,
  type StepCondition,
  type StepOfSegments,
  type StepOptions,
} from './create-step.js';
import { findSegments } from './find-segments.js';
import { groupNames, groupPath } from './group-path.js';
import { fieldsOf } from './need.js';
import { PlanReads } from './plan-reads.js';
import { conditionNeed } from './rule-needs.js';
import type { Compiler, NamedResource, Scope } from './scope.js';
import { type CreateStep, type EachStep, StepNames } from './step-names.js';
import { unrolledSteps } from './unrolled.js';

export interface MessageProgram {
  readonly structure: Structure;
  /** Of the segments that it speaks of. */
  readonly segments: SegmentBits;
  readonly steps: RunStep;
  /** How many names hold resources. */
  readonly nameCount: number;
}

/** Compiles the steps of a message map; undefined, and problems, when one is wrong. */
export function compileMessage(map: MessageMapSource, compiler: Compiler): MessageProgram | undefined {
  const problems = compiler.problemsOf(map.file);
  const structure = findStructure(map, problems);
  if (!structure) return undefined;
  compiler.parts.add(map.file);
  const names = new StepNames(map, compiler);
  const builder = new StepBuilder(map, compiler, names, problems);
  const steps = builder.steps(map.steps, structure.root, [], new Map());
  if (!steps) return undefined;
  const { links } = builder;
  const run: RunStep = (state, root) => {
    links.begin();
    steps.run(state, root);
    links.finish(state);
  };
  return { structure, segments: compiler.segments, steps: run, nameCount: names.count };
}

function findStructure(map: MessageMapSource, problems: Problems): Structure | undefined {
  const { text, place } = map.structure;
  const isName = /^[A-Z0-9]{3}_[A-Z0-9]{3}$/.test(text);
  const grammar = structureGrammar(text) ?? (isName ? undefined : text);
  if (grammar === undefined) {
    problems.add(
      place,
      'MAPPING_STRUCTURE',
      `no version of HL7 v2 has the structure ${text}`,
      'write its grammar: MSH PID PV1? ...',
    );
    return undefined;
  }
  const structure = parseStructure(grammar);
  if (structure instanceof Structure) return structure;
  problems.add(
    place,
    'MAPPING_STRUCTURE',
    structure.message,
    `look at character ${structure.offset + 1} of the grammar`,
  );
  return undefined;
}

class StepBuilder {
  readonly links = new MessageLinks();

  constructor(
    readonly map: MessageMapSource,
    readonly compiler: Compiler,
    readonly names: StepNames,
    readonly problems: Problems,
  ) {}

  steps(
    steps: readonly MapStep[],
    group: GroupNode,
    around: readonly EachStep[],
    aliases: ReadonlyMap<string, GroupNode>,
  ): StepOfSegments | undefined {
    const compiled = steps.map((step) => {
      if (step.kind === 'each') return this.each(step, group, around, aliases);
      if (step.kind === 'create') return this.create(step, group, around, aliases);
      return this.refused(step);
    });
    const good = compiled.filter((step) => step !== undefined);
    if (good.length < compiled.length) return undefined;
    return { run: unrolledSteps(good), segments: good.reduce((bits, step) => bits | step.segments, 0) };
  }

  private each(
    step: EachStep,
    group: GroupNode,
    around: readonly EachStep[],
    aliases: ReadonlyMap<string, GroupNode>,
  ): StepOfSegments | undefined {
    const path = groupPath(group, step.group);
    const node = path?.at(-1);
    if (!path || !node) {
      const known = groupNames(group);
      this.problems.add(
        step.place,
        'MAPPING_GROUP',
        `${group.name === '' ? 'the message' : group.name} has no group ${step.group}`,
        suggestion(nearestName(step.group, known), known, 'it has no groups'),
      );
      return undefined;
    }
    const inside = step.as === undefined ? aliases : new Map([...aliases, [step.as, node]]);
    const here = [...around, step];
    const body = this.steps(step.steps, node, here, inside);
    const fresh = this.names.startingIn(here);
    if (!body) return undefined;
    const slots = path.map((one) => one.slot);
    const run: RunStep = (state, instance) => {
      let level: readonly GroupInstance[] = [instance];
      for (const slot of slots)
        level =
          level.length === 1
            ? (level[0]?.groups(slot) ?? [])
            : level.flatMap((one) => one.groups(slot) ?? []);
      for (const one of level) {
        for (const slot of fresh) state.emptyName(slot);
        body.run(state, one);
      }
    };
    return { run, segments: body.segments };
  }

  private refused({ place }: { readonly place: Place }): undefined {
    this.problems.add(
      place,
      'MAPPING_GROUP',
      'only documents have parts with maps of their own',
      'use each:',
    );
    return undefined;
  }

  private create(
    step: CreateStep,
    group: GroupNode,
    around: readonly EachStep[],
    aliases: ReadonlyMap<string, GroupNode>,
  ): StepOfSegments | undefined {
    const map = this.compiler.maps.get(step.map);
    if (!map) {
      const known = [...this.compiler.maps.keys()];
      this.problems.add(
        step.place,
        'MAPPING_UNKNOWN_MAP',
        `there is no map ${step.map}`,
        suggestion(
          nearestName(step.map, known),
          [],
          'write it, or correct the name; a map with a mistake is not there',
        ),
      );
      return undefined;
    }
    if (map.source.kind !== 'segment') {
      this.problems.add(
        step.place,
        'MAPPING_SOURCE',
        `${step.map} reads values of type ${map.source.name}, not segments`,
        'use it with `as` in a rule',
      );
      return undefined;
    }
    const places = findSegments(group, step.from ?? map.source.name, map.source.name);
    if (typeof places === 'string') {
      this.problems.add(
        step.place,
        'MAPPING_GROUP',
        places,
        `write from: and the way to it, for instance from: GROUP.${map.source.name}`,
      );
      return undefined;
    }
    const site = { group: places.group, names: this.names.at(step, around), aliases, level: 1 as Level };
    const plan = compileResource(map, site, this.compiler);
    const links = plan && compileLinks(map, site, this.compiler);
    const when = step.when && this.condition(step.when, step, map, site);
    if (!plan || links === null || (step.when && !when)) {
      if (this.compiler.problemsOf(map.file) !== this.problems)
        this.problems.add(
          step.place,
          'MAPPING_UNUSABLE',
          `${step.map} has mistakes of its own`,
          `correct ${map.file}`,
        );
      return undefined;
    }
    const name = this.names.slotOf(step);
    const run = createStep(plan, places, { name, when, made: this.made(links) });
    return { run, segments: this.compiler.segments.bitOf(map.source.name) };
  }

  private made(links: PlanLinks | undefined): StepOptions['made'] {
    if (!links) return undefined;
    return (run, mapped, segment) => {
      this.links.made(run, links, mapped, segment);
    };
  }

  private condition(
    when: Condition,
    step: CreateStep,
    map: ResourceMapSource,
    site: {
      group: GroupNode;
      names: ReadonlyMap<string, NamedResource>;
      aliases: ReadonlyMap<string, GroupNode>;
    },
  ): StepCondition | undefined {
    const scope: Scope = {
      compiler: this.compiler,
      compileValue,
      problems: this.problems,
      place: step.whenPlace,
      map: this.map.name,
      frame: { kind: 'segment', name: map.source.name },
      group: site.group,
      names: site.names,
      aliases: site.aliases,
      uses: new Set(),
      each: undefined,
      inEachSegment: false,
      settled: new Map(),
      reads: new PlanReads(),
    };
    const holds = compileCondition(when, scope);
    return holds && { holds, fields: fieldsOf(conditionNeed(when, scope)) };
  }
}
