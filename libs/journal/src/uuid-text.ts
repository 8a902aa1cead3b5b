/** 16 bytes in the form that PostgreSQL reads as uuid. */
export function uuidText(key: Buffer): string {
  return key.toString('hex');
}
