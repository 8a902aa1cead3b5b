export { CdaDocument, noDocument } from './cda-document.js';
export { isXml } from './is-xml.js';
export { documentLimits } from './limits.js';
export { parseDocument } from './parse-document.js';
export { patientOfDocument } from './patient-of-document.js';
export { type XmlAttribute, XmlElement, type XmlText } from './xml-element.js';
