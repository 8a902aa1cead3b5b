const remedies: Readonly<Record<string, string>> = {
  FILE_EMPTY: 'ask the sender for the file; it came without content',
  FILE_OVER_MAX_SIZE: 'split it, or raise max_size of the source',
  FILE_CHECKSUM_WRONG:
    'ask the sender for the file again; it was damaged on the way, or the checksum is of another one',
  FILE_FORMAT_UNKNOWN: 'set format of the source if you know better, else ask the sender what it is',
  FILE_REFUSED:
    'look at the refusals; correct accept of the source or ask the sender, then put the file back',
  CSV_EMPTY: 'ask the sender for the file; there is no row in it',
  CSV_LAYOUT_UNKNOWN:
    'let accept of the source name the map for these columns; where there is none, suture infer FILE drafts one',
  CSV_COLUMNS_MISSING:
    'ask the sender for the columns, or name what the file calls them under headers in the map',
  CSV_MOSTLY_BAD: 'look at the refusals for what is wrong with the rows; correct the file and put it back',
  HL7_MSH_MISSING: 'ask the sender for HL7 v2; no line begins with MSH',
  ZIP_DAMAGED: 'ask the sender for the archive again',
  ZIP_ENCRYPTED: 'ask the sender for an archive without a password; use TLS or SFTP for secrecy',
  ZIP_NESTED: 'unpack the inner archive, or ask for the files themselves',
  ZIP_NAME_UNSAFE: 'pack it again with plain names; if it was not a mistake, it was an attack',
  ZIP_TOO_MANY_FILES: 'split the archive, or raise zip.max_files of the source',
  ZIP_TOO_LARGE: 'split the archive, or raise zip.max_size of the source',
  ZIP_RATIO: 'raise zip.max_ratio of the source if the content is what it should be',
  ZIP_EMPTY: 'ask the sender for the files; the archive came without',
  ZIP_WITHOUT_UNITS: 'look at the findings; each says what is wrong with one file of the archive',
};

/** What a person can do about a file that was not taken. */
export function remedyOf(code: string): string {
  return remedies[code] ?? 'correct the file and put it back into the folder';
}
