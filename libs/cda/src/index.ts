export { CdaDocument, noDocument } from './cda-document.js';
export { isXml } from './is-xml.js';
export { parseDocument } from './parse-document.js';
export { patientOfDocument } from './patient-of-document.js';
export { attributeBit, nameBit, XmlAttribute, XmlElement, type XmlNode, XmlText } from './xml-element.js';
