// SPDX-License-Identifier: MPL-2.0
// The status page: asks /status.json once a second and draws what has changed. It keeps three minutes.
'use strict';

const EVERY_MS = 1000, KEPT = 180, WIDTH = 600, HEIGHT = 180, LEFT = 46, BOTTOM = 18;
const SVG = 'http://www.w3.org/2000/svg';
const $ = id => document.getElementById(id);

/* One look: figures by name, each a map from its labels as text to its value. */
class Look {
  constructor(status, seconds) {
    this.seconds = seconds;
    this.bounds = status.bounds;
    this.names = new Map();
    for (const figure of status.figures) {
      if (!this.names.has(figure.name)) this.names.set(figure.name, new Map());
      this.names.get(figure.name).set(figure.labels, figure.counts ? figure : figure.value);
    }
  }
  entries(name) { return [...(this.names.get(name) || new Map())]; }
  value(name, labels = '') { return (this.names.get(name) || new Map()).get(labels) || 0; }
  sum(name, part = '') {
    return this.entries(name).reduce((sum, [labels, value]) => labels.includes(part) ? sum + value : sum, 0);
  }
}

const label = (labels, name) => {
  const found = new RegExp('[{,]' + name + '="((?:[^"\\\\]|\\\\.)*)"').exec(labels);
  return found ? found[1].replace(/\\(.)/g, '$1') : '';
};

/* Growth per second between two looks; a counter that has fallen began anew. */
function rate(now, then, value) {
  if (!then || now.seconds <= then.seconds) return null;
  return Math.max(0, value(now) - value(then)) / (now.seconds - then.seconds);
}

/* The time below which this part of the answers between two looks stayed, from a histogram's buckets. */
function quantile(now, then, part) {
  const name = 'muster_http_request_duration_seconds';
  const after = now.value(name), before = then && then.value(name);
  if (!after || !then) return null;
  const counts = after.counts.map((count, i) => Math.max(0, count - (before ? before.counts[i] : 0)));
  const total = counts.reduce((a, b) => a + b, 0);
  let left = part * total;
  for (let i = 0; total && i < counts.length; i++) {
    if (left > counts[i]) { left -= counts[i]; continue; }
    const low = i ? now.bounds[i - 1] : 0, high = i < now.bounds.length ? now.bounds[i] : low;
    return low + (high - low) * (counts[i] ? left / counts[i] : 0);
  }
  return null;
}

const number = value => value == null ? '–' : value >= 1e6 ? (value / 1e6).toFixed(1) + ' M'
  : value >= 1e4 ? (value / 1e3).toFixed(1) + ' k' : Number.isInteger(value) ? String(value)
  : value.toFixed(value < 10 ? 2 : 0);
const time = seconds => seconds == null ? '–' : seconds >= 1 ? seconds.toFixed(2) + ' s'
  : seconds >= 0.001 ? (seconds * 1e3).toFixed(seconds < 0.01 ? 2 : 0) + ' ms' : (seconds * 1e6).toFixed(0) + ' µs';
const percent = value => value == null ? '–' : value.toFixed(0) + ' %';

function element(name, attributes = {}, text = '') {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

/* The next larger of 1, 2, 5, 10, 20 ... */
function ceiling(most) {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map(step => step * power).find(step => step >= most) || 10 * power;
}

/* A chart of some series over the last minutes. */
class Chart {
  constructor(id, names, show, colors = [0, 1]) {
    this.box = $(id);
    this.series = names.map((name, i) => ({name, style: 's' + colors[i], values: []}));
    this.show = show;
    this.svg = element('svg', {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img',
      'aria-label': names.join(', ')});
    this.legend = document.createElement('div');
    this.legend.className = 'legend';
    this.box.append(this.svg, this.legend);
  }
  add(values) {
    this.series.forEach((series, i) => {
      series.values.push(values[i] ?? null);
      if (series.values.length > KEPT) series.values.shift();
    });
    this.draw();
  }
  line(series, most) {
    const step = (WIDTH - LEFT) / (KEPT - 1), first = KEPT - series.values.length, high = HEIGHT - BOTTOM - 6;
    const lines = [[]];
    series.values.forEach((value, i) => {
      if (value == null) { lines.push([]); return; }
      lines[lines.length - 1].push(`${(LEFT + (first + i) * step).toFixed(1)},${(6 + high * (1 - value / most)).toFixed(1)}`);
    });
    return lines.filter(points => points.length).map(points =>
      element('polyline', {class: series.style, points: (points.length === 1 ? [...points, ...points] : points).join(' '),
        'vector-effect': 'non-scaling-stroke'}));
  }
  draw() {
    const all = this.series.flatMap(series => series.values).filter(value => value != null);
    const most = ceiling(all.reduce((a, b) => Math.max(a, b), 0)), parts = [];
    for (const share of [0, 0.5, 1]) {
      const y = 6 + (HEIGHT - BOTTOM - 6) * (1 - share);
      parts.push(element('line', {class: 'grid', x1: LEFT, x2: WIDTH, y1: y, y2: y}),
        element('text', {x: LEFT - 5, y: y + 4, 'text-anchor': 'end'}, this.show(most * share)));
    }
    for (let minute = 0; minute < KEPT / 60; minute++)
      parts.push(element('text', {x: WIDTH - (WIDTH - LEFT) * minute * 60 / KEPT, y: HEIGHT - 3,
        'text-anchor': minute ? 'middle' : 'end'}, minute ? `−${minute} min` : 'now'));
    this.series.forEach(series => parts.push(...this.line(series, most)));
    this.svg.replaceChildren(...parts);
    this.legend.replaceChildren(...this.series.map(series => {
      const item = document.createElement('span'), value = document.createElement('b');
      item.className = series.style;
      value.textContent = this.show(series.values[series.values.length - 1]);
      item.append(series.name + ' ', value);
      return item;
    }));
  }
}

const charts = {
  rate: new Chart('rate', ['2xx and 3xx', '4xx', '5xx'], number, [0, 2, 3]),
  latency: new Chart('latency', ['p50', 'p99'], time),
  queue: new Chart('queue', ['waiting', 'in flight'], number),
  cpu: new Chart('cpu', ['of one core'], percent),
};

function row(cells) {
  const made = document.createElement('tr');
  for (const cell of cells) {
    const [text, style] = Array.isArray(cell) ? cell : [cell, ''];
    const data = document.createElement('td');
    data.textContent = text;
    if (style) data.className = style;
    made.append(data);
  }
  return made;
}

const byNumber = (a, b) => a[0].localeCompare(b[0], 'en', {numeric: true});

function showActors(now, then) {
  $('actors').replaceChildren(...now.entries('muster_actor_requests_total').sort(byNumber).map(([labels]) => {
    const own = labels.slice(0, -1), grows = name => rate(now, then, look => look.value(name, labels));
    const state = ['ready', 'learning', 'connecting', 'down'].find(each =>
      now.value('muster_actor_connection_state', `${own},state="${each}"}`)) || 'down';
    const alone = now.value('muster_actor_exclusive', labels) ? ', exclusive' : '', busy = grows('muster_actor_busy_seconds_total');
    return row([label(labels, 'actor'), [state + alone, state === 'ready' ? 'good' : 'bad'],
      percent(busy == null ? null : Math.min(100, 100 * busy)), number(grows('muster_actor_statements_total')),
      number(now.value('muster_actor_requests_in_flight', labels)), number(now.value('muster_actor_pipeline_depth', labels)),
      number(now.value('muster_actor_connections_lost_total', labels))]);
  }));
}

function showServices(now, then) {
  $('services').replaceChildren(...now.entries('muster_service_workers').sort(byNumber).map(([labels, workers]) => {
    const of = name => now.value('muster_service_' + name, labels), window = of('window_requests');
    return row([label(labels, 'service'), [String(workers), workers ? '' : 'bad'],
      percent(window ? 100 * (window - of('credit_requests')) / window : null), number(of('requests_in_flight')),
      number(of('queue_requests')), time(of('queue_age_seconds')),
      number(rate(now, then, look => look.value('muster_service_answers_total', labels)))]);
  }));
}

function showRefusals(now, then) {
  const rows = [['muster_http_problems_total', 'HTTP', 'code'], ['muster_broker_unserved_total', 'broker: unserved', 'reason'],
    ['muster_broker_dropped_total', 'broker: dropped', 'reason']].flatMap(([name, what, key]) =>
    now.entries(name).filter(([, value]) => value).map(([labels, value]) =>
      row([what, label(labels, key), number(value), number(rate(now, then, look => look.value(name, labels)))])));
  $('refusals').replaceChildren(...rows);
  $('fine').hidden = rows.length > 0;
}

function show(now, then) {
  for (const section of document.querySelectorAll('section[data-part]'))
    section.hidden = ![...now.names.keys()].some(name => name.startsWith('muster_' + section.dataset.part + '_'));
  const answers = classes => rate(now, then, look =>
    classes.reduce((sum, digit) => sum + look.sum('muster_http_requests_total', `status="${digit}`), 0));
  charts.rate.add([answers([2, 3]), answers([4]), answers([5])]);
  charts.latency.add([quantile(now, then, 0.5), quantile(now, then, 0.99)]);
  charts.queue.add([now.value('muster_broker_requests_waiting'), now.value('muster_broker_requests_in_flight')]);
  const cpu = rate(now, then, look => look.value('process_cpu_seconds_total'));
  charts.cpu.add([cpu == null ? null : 100 * cpu]);
  showActors(now, then);
  showServices(now, then);
  showRefusals(now, then);
  const [[build]] = now.entries('muster_build_info'), up = Date.now() / 1000 - now.value('process_start_time_seconds');
  $('version').textContent = label(build, 'version');
  const parts = [`up ${up < 3600 ? Math.floor(up / 60) + ' min' : (up / 3600).toFixed(1) + ' h'}`,
    `${number(Math.round(now.value('process_resident_memory_bytes') / 1048576))} MiB`,
    `${number(now.value('process_threads'))} threads`, `${number(now.value('process_open_fds'))} descriptors`];
  if (now.names.has('muster_http_connections')) parts.push(`${number(now.value('muster_http_connections'))} HTTP connections`);
  $('about').textContent = parts.join(' · ');
  $('about').className = '';
}

let former = null;
async function look() {
  try {
    const answer = await fetch('status.json', {cache: 'no-store'});
    if (!answer.ok) throw new Error(answer.status);
    const now = new Look(await answer.json(), performance.now() / 1000);
    show(now, former);
    document.body.dataset.ready = 'yes';
    document.body.dataset.looks = Number(document.body.dataset.looks || 0) + 1;
    former = now;
  } catch (error) {
    $('about').textContent = 'No answer from the server; trying on.';
    $('about').className = 'bad';
    for (const chart of Object.values(charts)) chart.add([]);
    former = null;
  }
  setTimeout(look, EVERY_MS);
}
look();
