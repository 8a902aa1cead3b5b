/** A mistake in an expression; `offset` counts from the first character of the expression. */
export class ExpressionMistake extends Error {
  constructor(
    readonly offset: number,
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}
