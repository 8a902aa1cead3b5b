import type { FileProblem } from '#declaration';
import type { ChannelFile } from './channel-file.js';

/** Names of the layers that a channel puts over the mappings, the highest last. */
export function layersOfChannel({ transform }: ChannelFile): string[] {
  return (transform.layers ?? []).map(({ value }) => value);
}

/** The layers of a channel that are none of `known`, or that stand twice: such a channel must not run. */
export function layerProblems({ transform }: ChannelFile, known: readonly string[]): FileProblem[] {
  const layers = transform.layers ?? [];
  return layers.flatMap(({ value, ...place }, index) => {
    if (!known.includes(value)) {
      const remedy = `there are: ${known.join(', ') || 'none'}; a layer is a folder under mappings/layers`;
      return [{ ...place, code: 'CHANNEL_LAYER_UNKNOWN', message: `there is no layer '${value}'`, remedy }];
    }
    if (layers.findIndex((layer) => layer.value === value) === index) return [];
    const message = `the layer '${value}' stands here twice`;
    return [{ ...place, code: 'CHANNEL_LAYER_TWICE', message, remedy: 'keep the one in its right place' }];
  });
}
