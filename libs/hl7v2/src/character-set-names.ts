/**
 * HL7 table 0211 and what people write instead, to the label of a decoder. Keys are upper case without spaces,
 * hyphens, underscores, slashes and colons. Labels are those of the WHATWG Encoding Standard where it knows the
 * set, else those of iconv-lite. `windows-1252` stands for ISO 8859-1 as well: its C1 controls never occur in
 * HL7, and senders that declare 8859/1 do send typographic quotes.
 */
const labels: Readonly<Record<string, string>> = {
  ASCII: 'ascii',
  USASCII: 'ascii',
  ISO646: 'ascii',
  ISOIR6: 'ascii',
  '7BIT': 'ascii',
  UTF8: 'utf-8',
  UNICODEUTF8: 'utf-8',
  ISOIR192: 'utf-8',
  // HL7 2.3.1 meant ISO 10646 by UNICODE; today's senders mean UTF-8. UTF-16 is recognised by its bytes.
  UNICODE: 'utf-8',
  ISO10646: 'utf-8',
  UTF16: 'utf-16le',
  UNICODEUTF16: 'utf-16le',
  UTF16LE: 'utf-16le',
  UNICODEUTF16LE: 'utf-16le',
  UTF16BE: 'utf-16be',
  UNICODEUTF16BE: 'utf-16be',
  '88591': 'windows-1252',
  LATIN1: 'windows-1252',
  ISOIR100: 'windows-1252',
  ANSI: 'windows-1252',
  CP1252: 'windows-1252',
  WE8MSWIN1252: 'windows-1252',
  WE8ISO8859P1: 'windows-1252',
  '88592': 'iso-8859-2',
  LATIN2: 'iso-8859-2',
  ISOIR101: 'iso-8859-2',
  '88593': 'iso-8859-3',
  ISOIR109: 'iso-8859-3',
  '88594': 'iso-8859-4',
  ISOIR110: 'iso-8859-4',
  '88595': 'iso-8859-5',
  ISOIR144: 'iso-8859-5',
  '88596': 'iso-8859-6',
  ISOIR127: 'iso-8859-6',
  '88597': 'iso-8859-7',
  ISOIR126: 'iso-8859-7',
  '88598': 'iso-8859-8',
  ISOIR138: 'iso-8859-8',
  '88599': 'windows-1254',
  LATIN5: 'windows-1254',
  ISOIR148: 'windows-1254',
  '885910': 'iso-8859-10',
  '885911': 'windows-874',
  ISOIR166: 'windows-874',
  TIS620: 'windows-874',
  '885913': 'iso-8859-13',
  '885914': 'iso-8859-14',
  '885915': 'iso-8859-15',
  LATIN9: 'iso-8859-15',
  ISOIR203: 'iso-8859-15',
  '885916': 'iso-8859-16',
  KOI8R: 'koi8-r',
  KOI8U: 'koi8-u',
  ISOIR13: 'shift_jis',
  ISOIR14: 'shift_jis',
  JAS2020: 'iso-2022-jp',
  JISX0201: 'shift_jis',
  JISX0208: 'iso-2022-jp',
  JISX0212: 'iso-2022-jp',
  ISOIR87: 'iso-2022-jp',
  ISO2022JP: 'iso-2022-jp',
  ISO2022IR87: 'iso-2022-jp',
  ISO2022IR159: 'iso-2022-jp',
  ISO2022IR13: 'shift_jis',
  ISOIR159: 'iso-2022-jp',
  SHIFTJIS: 'shift_jis',
  SJIS: 'shift_jis',
  MS932: 'shift_jis',
  CP932: 'shift_jis',
  WINDOWS31J: 'shift_jis',
  EUCJP: 'euc-jp',
  GB180302000: 'gb18030',
  GB18030: 'gb18030',
  GBK: 'gbk',
  GB2312: 'gbk',
  CP936: 'gbk',
  ISOIR58: 'gbk',
  KSX1001: 'euc-kr',
  KSC5601: 'euc-kr',
  ISOIR149: 'euc-kr',
  ISO2022IR149: 'euc-kr',
  EUCKR: 'euc-kr',
  CP949: 'euc-kr',
  BIG5: 'big5',
  CP950: 'big5',
  MACROMAN: 'macintosh',
  MAC: 'macintosh',
};

/** The decoder's label for one repetition of MSH-18, or undefined when nobody knows the name. */
export function characterSetLabel(name: string): string | undefined {
  // A name this long is no name of table 0211; the bound keeps a hostile MSH-18 cheap.
  if (name.length > 40) return undefined;
  const key = name.toUpperCase().replace(/[\s\-_/:]/g, '');
  const known =
    labels[key] ?? labels[key.replace(/^ISO(?=88)/, '')] ?? labels[key.replace(/^ISOIR(?=88)/, '')];
  if (known !== undefined) return known;
  const windows = /^(?:WINDOWS|CP|WIN|MSWIN)(125\d)$/.exec(key);
  if (windows) return `windows-${windows[1] ?? ''}`;
  const dos = /^(?:CP|IBM|PC)(437|85[0258]|86[0-69])$/.exec(key);
  return dos ? `cp${dos[1] ?? ''}` : undefined;
}
