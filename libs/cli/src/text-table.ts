const GAP = '  ';
// biome-ignore lint/suspicious/noControlCharactersInRegex: it matches the escape sequences that colour a word
const COLOURS = /\u001b\[\d+m/g;

/** Rows as lines whose columns stand under each other; colours take no width. The last column is not padded. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, widthOf(cell));
  }
  return rows.map((row) =>
    row
      .map((cell, index) =>
        index === row.length - 1 ? cell : cell + ' '.repeat((widths[index] ?? 0) - widthOf(cell)),
      )
      .join(GAP)
      .trimEnd(),
  );
}

function widthOf(cell: string): number {
  return cell.replace(COLOURS, '').length;
}
