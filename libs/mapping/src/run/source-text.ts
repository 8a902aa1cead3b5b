/** What a run knows of the text it maps, whatever its format: values are ranges of it. */
export interface SourceText {
  readonly text: string;
  /** Some value is not written as it is read. */
  readonly hasEscapes: boolean;
  /** What stands between two places, as it is read. */
  valueBetween(start: number, end: number): string | null | undefined;
  /** Of what stands there, for reports. */
  pathAt(offset: number): string | undefined;
}
