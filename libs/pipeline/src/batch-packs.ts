import { type DeliveryClaim, type RecentPacks, readPacks, type WaitingDelivery } from '#delivery';
import { EngineError } from '#kernel';
import { inflatePack } from '#store';

/** Deflated packs read ahead in one statement (but always one). */
const READ_BYTES = 1024 * 1024;

/** The packs of one batch of deliveries: those stored a moment ago from memory, the others from the store. */
export class BatchPacks {
  /** Deflated, by the index of their delivery in the batch; undefined: the store does not hold it. */
  private read = new Map<number, Buffer | undefined>();

  constructor(
    private readonly claim: DeliveryClaim,
    private readonly recent: RecentPacks,
    private readonly batch: readonly WaitingDelivery[],
  ) {}

  /**
   * The pack of the delivery at `index`, not deflated; an error (PACK_MISSING, PACK_DAMAGED) when there is none to send.
   * Asked for in order, they are read ahead. Rejects when the database does not answer.
   */
  async plain(index: number): Promise<Buffer | EngineError> {
    const delivery = this.batch[index];
    const recent = delivery && this.recent.find(delivery.position);
    if (recent !== undefined) return recent;
    if (!this.read.has(index)) await this.readFrom(index);
    const bytes = this.read.get(index);
    this.read.delete(index);
    if (bytes === undefined) {
      return new EngineError('rejected', 'PACK_MISSING', 'the store no longer holds what is to be delivered');
    }
    try {
      return inflatePack(bytes);
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
    this.read = new Map(packs.map(({ bytes }, at) => [missing[at]?.[0] ?? first, bytes]));
  }
}
