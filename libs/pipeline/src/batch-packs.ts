import { type DeliveryClaim, type RecentPacks, readPacks, type WaitingDelivery } from '#delivery';
import { EngineError } from '#kernel';
import { PackUnfolder, packLines } from '#store';

/** Deflated bytes read ahead in one statement (but always one pack). */
const READ_BYTES = 1024 * 1024;

/** The packs of one batch of deliveries: those stored a moment ago from memory, the others from the store. */
export class BatchPacks {
  /** Folded, by the index of their delivery in the batch; undefined: the store does not hold it. */
  private read = new Map<number, Buffer | undefined>();
  private readonly unfolder = new PackUnfolder();

  constructor(
    private readonly claim: DeliveryClaim,
    private readonly recent: RecentPacks,
    private readonly batch: readonly WaitingDelivery[],
  ) {}

  /**
   * The resources of the delivery at `index`; an error (PACK_MISSING, PACK_DAMAGED) when there is none to send.
   * Asked for in order, they are read ahead. Rejects when the database does not answer.
   */
  async resources(index: number): Promise<readonly Buffer[] | EngineError> {
    // What was read is unfolded even if it is in memory by now: the packs after it may need its block.
    if (!this.read.has(index)) {
      const delivery = this.batch[index];
      const recent = delivery && this.recent.find(delivery.position);
      if (recent !== undefined) return recent;
      await this.readFrom(index);
    }
    const folded = this.read.get(index);
    this.read.delete(index);
    if (folded === undefined) {
      return new EngineError('rejected', 'PACK_MISSING', 'the store no longer holds what is to be delivered');
    }
    try {
      return packLines(this.unfolder.unfold(folded));
    } catch (error) {
      return new EngineError('rejected', 'PACK_DAMAGED', 'what is to be delivered cannot be read', {
        cause: error,
      });
    }
  }

  private async readFrom(first: number): Promise<void> {
    const wanted = [...this.batch.entries()].slice(first);
    const missing = wanted.filter(([, { position }]) => this.recent.find(position) === undefined);
    const positions = missing.map(([, { position }]) => position);
    const packs = await readPacks(this.claim.session, positions, READ_BYTES);
    this.read = new Map(packs.map(({ folded }, at) => [missing[at]?.[0] ?? first, folded]));
  }
}
