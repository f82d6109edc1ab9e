// Three files to begin with, made here and now: a picture, a sound and a PDF. They take the same way as any other file.
import { upload, urlOf } from './files.js';
import { api } from './page.js';
import { me } from './people.js';
import { sent } from './traffic.js';

export async function postSamples() {
  const [minutes, bell, evening] = await Promise.all([paper(), sound(), picture()].map(async (made) => send(await made)));
  await post('The minutes, for whoever missed them.', [minutes]);
  await post('Four notes for the front door.', [bell]);
  await post(`From the hill, last evening:\n${urlOf(evening.path)}\nIts address stands in the text of this post, and never changes.`, [evening]);
}

const post = (text, files) => api('/api/feed', { text, files });

async function send({ file, ...pixels }) {
  const { path } = await upload(me.workspace, file);
  sent(file.size);
  return { path, name: file.name, type: file.type, size: file.size, ...pixels };
}

async function picture() {
  const [width, height] = [1280, 800];
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  const sky = context.createLinearGradient(0, 0, 0, height);
  ['#27395c', '#7b6088', '#e29a77', '#f8dfae'].forEach((colour, at) => sky.addColorStop(at / 3.6, colour));
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);
  context.fillStyle = '#fff3d6';
  context.beginPath();
  context.arc(860, 440, 58, 0, 7);
  context.fill();
  [['#7c6a86', 500, 60], ['#4d5573', 580, 55], ['#2f3d56', 660, 42], ['#1b2838', 735, 30]].forEach(([colour, base, wave], hill) => {
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(0, height);
    for (let x = 0; x <= width; x += 4) context.lineTo(x, base - wave * Math.sin(x / (150 + 45 * hill) + hill * 2.1) - 9 * Math.sin(x / 47 + hill));
    context.lineTo(width, height);
    context.fill();
  });
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', 0.86));
  return { file: new File([blob], 'Evening over the hills.jpg', { type: 'image/jpeg' }), width, height };
}

/** A WAV file: 16 bits, one channel. */
function sound() {
  const [rate, seconds] = [22050, 4];
  const samples = rate * seconds;
  const view = new DataView(new ArrayBuffer(44 + 2 * samples));
  const text = (at, word) => [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, 36 + 2 * samples, true);
  text(8, 'WAVEfmt ');
  [[16, 16], [20, 1, 2], [22, 1, 2], [24, rate], [28, 2 * rate], [32, 2, 2], [34, 16, 2]].forEach(([at, value, bytes]) =>
    bytes ? view.setUint16(at, value, true) : view.setUint32(at, value, true),
  );
  text(36, 'data');
  view.setUint32(40, 2 * samples, true);
  const notes = [659.3, 523.3, 587.3, 392];
  for (let i = 0; i < samples; i++) {
    let value = 0;
    notes.forEach((pitch, n) => {
      const age = i / rate - n * 0.7;
      if (age > 0) value += Math.exp(-2.2 * age) * (Math.sin(6.2832 * pitch * age) + 0.4 * Math.sin(12.5664 * pitch * age));
    });
    view.setInt16(44 + 2 * i, 9000 * value, true);
  }
  return { file: new File([view], 'Doorbell.wav', { type: 'audio/wav' }) };
}

/** One page of PDF 1.4, whose table of offsets is counted as it is written. */
function paper() {
  const line = (x, y, font, points, words) => `BT /${font} ${points} Tf ${x} ${y} Td (${words}) Tj ET`;
  const rule = (y) => `0.85 0.82 0.74 RG 0.8 w 64 ${y} m 531 ${y} l S`;
  const agenda = [
    ['1', 'The mill', 'Columns four to nine are cut; the carriage waits for brass.'],
    ['2', 'The cards', 'Loops are punched twice and read once. Agreed.'],
    ['3', 'Files', 'They stay private, at one address each. Agreed, gladly.'],
  ];
  const content = [
    '0.18 0.36 0.31 rg 64 742 28 28 re f 0.85 0.56 0.17 rg 72 750 12 12 re f 0.13 0.15 0.12 rg',
    line(64, 690, 'B', 26, 'Minutes of the board'),
    '0.37 0.39 0.34 rg',
    line(64, 666, 'R', 12, 'Analytical Engines. Present: A. Lovelace, C. Babbage'),
    ...agenda.flatMap(([number, title, words], at) => {
      const y = 610 - at * 78;
      return [rule(y + 26), '0.85 0.56 0.17 rg', line(64, y, 'B', 15, number), '0.13 0.15 0.12 rg', line(92, y, 'B', 15, title), '0.37 0.39 0.34 rg', line(92, y - 22, 'R', 12, words)];
    }),
  ].join('\n');
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</B 5 0 R/R 6 0 R>>>>>>',
    `<</Length ${content.length}>>stream\n${content}\nendstream`,
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold>>',
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
  ];
  let text = '%PDF-1.4\n';
  const offsets = objects.map((object, at) => {
    const offset = text.length;
    text += `${at + 1} 0 obj${object}endobj\n`;
    return `${String(offset).padStart(10, '0')} 00000 n \n`;
  });
  const table = text.length;
  text += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${offsets.join('')}trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${table}\n%%EOF\n`;
  return { file: new File([text], 'Minutes of the board.pdf', { type: 'application/pdf' }) };
}
