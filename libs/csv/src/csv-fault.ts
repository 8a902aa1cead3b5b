/** Why a row is refused. Never holds content of the file. */
export interface CsvFault {
  readonly code:
    | 'CSV_CELLS'
    | 'CSV_COLUMNS_TOO_MANY'
    | 'CSV_ENCODING'
    | 'CSV_FIELD_TOO_LONG'
    | 'CSV_QUOTE_OPEN'
    | 'CSV_QUOTE_STRAY'
    | 'CSV_REQUIRED_EMPTY'
    | 'CSV_ROW_TOO_LONG';
  readonly message: string;
}
