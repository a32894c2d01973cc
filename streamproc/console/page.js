'use strict';
const $ = (name) => document.getElementById(name);
const ENDED = new Set(['completed', 'failed', 'cancelled', 'expired', 'rejected']);
const rows = new Map();
let chosen = null, stream = null, refreshing = null, page = null, next = null, letters = null;

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function bar(name) {
  const made = element('progress');
  made.max = 100;
  made.setAttribute('aria-label', name);
  return made;
}

function setBar(made, percent) {
  if (percent === null || percent === undefined) made.removeAttribute('value');
  else made.value = percent;
}

function age(seconds) {
  const units = [[86400, 'd'], [3600, 'h'], [60, 'min']];
  for (const [size, unit] of units) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${Math.floor(seconds)} s`;
}

async function asked(path) {
  const answer = await fetch(path, {headers: {Accept: 'application/json'}});
  if (!answer.ok) throw new Error((await answer.json()).detail || answer.statusText);
  return answer.json();
}

function note(error) {
  $('note').textContent = error ? `Not up to date: ${error.message}` : '';
  $('note').hidden = !error;
}

function rowOf(each) {
  const row = element('tr');
  const link = element('a', each.request_id, 'id');
  link.href = `#${each.request_id}`;
  const progress = bar(`progress of ${each.request_id}`), said = element('span', '', 'soft');
  const cells = [link, element('span'), null, element('span'), element('span', each.tenant)];
  for (const cell of cells) {
    const td = element('td');
    td.append(...(cell ? [cell] : [progress, said]));
    row.append(td);
  }
  return {row, status: cells[1], progress, said, age: cells[3]};
}

function show(each) {
  const known = rows.get(each.request_id) || rowOf(each);
  rows.set(each.request_id, known);
  known.status.textContent = each.code && each.code !== each.status ? `${each.status} (${each.code})` : each.status;
  known.status.className = each.status;
  setBar(known.progress, ENDED.has(each.status) ? 100 : each.percent);
  known.progress.hidden = ENDED.has(each.status);
  if (ENDED.has(each.status)) known.said.textContent = `${each.wallets} wallets`;
  known.age.textContent = age(each.age_s);
  return known.row;
}

function firstPage() {
  const status = $('status').value;
  return `/analyses?limit=50${status ? `&status=${status}` : ''}`;
}

function turnTo(path) {
  page = path;
  refresh();
}

async function refresh() {
  refreshing = null;
  try {
    const asking = page || firstPage(), answer = await asked(asking), found = answer.analyses;
    if (asking !== (page || firstPage())) return;
    next = answer.next;
    $('older').hidden = !next;
    $('newest').hidden = !page;
    const listed = new Set(found.map((each) => each.request_id));
    for (const name of rows.keys()) if (!listed.has(name)) rows.delete(name);
    $('requests').replaceChildren(...found.map(show));
    $('none').hidden = found.length > 0;
    mark();
    note(null);
  } catch (error) { note(error); }
}

function soon() { refreshing ??= setTimeout(refresh, 300); }

function mark() {
  for (const [name, {row}] of rows) {
    if (name === chosen) row.setAttribute('aria-current', 'true');
    else row.removeAttribute('aria-current');
  }
}

function progressed(event) {
  const said = JSON.parse(event.data), known = rows.get(said.request_id);
  if (!known || said.terminal) soon();
  if (!known || said.terminal) return;
  setBar(known.progress, said.percent);
  known.said.textContent = `${Math.floor(said.percent)} % ${said.message}`;
}

const wallets = new Map();

function wallet(name) {
  if (!wallets.has(name)) {
    const item = element('li'), progress = bar(`progress of ${name}`), said = element('span', 'waits', 'soft');
    setBar(progress, 0);
    item.append(element('code', name), progress, said);
    wallets.set(name, {progress, said, outcome: null});
    $('wallets').append(item);
  }
  return wallets.get(name);
}

function walletProgressed(event) {
  const said = JSON.parse(event.data), known = wallet(said.wallet);
  setBar(known.progress, said.fraction === null ? null : 100 * said.fraction);
  known.said.textContent = said.notice || `${said.transactions.toLocaleString('en')} transaction${said.transactions === 1 ? '' : 's'}`;
}

function walletAnalyzed(event) {
  const said = JSON.parse(event.data), known = wallet(said.wallet);
  setBar(known.progress, 100);
  known.outcome = said.outcome;
  count();
  known.said.className = said.outcome === 'failed' ? 'failed' : 'soft';
  known.said.textContent = said.error ? `${said.outcome}: ${said.error.message}` : said.outcome;
}

function count() {
  const outcomes = [...wallets.values()].map((each) => each.outcome).filter((outcome) => outcome);
  const by = ['analyzed', 'failed', 'excluded'].map((name) => [outcomes.filter((each) => each === name).length, name]);
  const said = by.filter(([number]) => number).map(([number, name]) => `${number} ${name}`).join(', ');
  $('counted').textContent = `${wallets.size} wallets${said ? `: ${said}` : ''}`;
}

function links(request) {
  const names = {
    result_html: 'report', result_csv: 'all pairs (CSV)', result_parquet: 'all pairs (Parquet)',
    result_json: 'result (JSON)', self: 'request',
  };
  const made = Object.keys(names).filter((name) => request.links[name]).map((name) => {
    const link = element('a', names[name]);
    link.href = request.links[name];
    return link;
  });
  if (request.links.result_csv) {
    const link = element('a', 'wallets (CSV)');
    link.href = `${request.links.result_csv}&rows=wallets`;
    made.splice(2, 0, link);
  }
  $('links').replaceChildren(...made);
}

async function choose() {
  const name = decodeURIComponent(location.hash.slice(1));
  if (stream) stream.close();
  chosen = name || null;
  mark();
  wallets.clear();
  $('wallets').replaceChildren();
  $('one').hidden = !chosen;
  if (!chosen) return;
  $('one-title').textContent = chosen;
  try {
    const request = await asked(`/analyses/${encodeURIComponent(chosen)}`);
    if (name !== chosen) return;
    request.wallets.forEach(wallet);
    count();
    $('bars').open = !ENDED.has(request.status);
    links(request);
    $('said').textContent = (request.failure || request.progress || {message: 'waits for a worker'}).message;
    follow(name);
  } catch (error) { $('said').textContent = error.message; }
}

function follow(name) {
  stream = new EventSource(`/analyses/${encodeURIComponent(name)}/events`);
  stream.addEventListener('wallet-progress', walletProgressed);
  stream.addEventListener('wallet-analyzed', walletAnalyzed);
  stream.addEventListener('analysis-progress', async (event) => {
    const said = JSON.parse(event.data);
    $('said').textContent = said.terminal ? said.message : `${Math.floor(said.percent)} % ${said.message}`;
    if (!said.terminal) return;
    event.target.close();
    const request = await asked(`/analyses/${encodeURIComponent(name)}`);
    if (name === chosen) links(request);
  });
}

function fill(name, lines) {
  $(name).replaceChildren(...lines.map((cells) => {
    const row = element('tr');
    row.append(...cells.map((cell) => {
      const td = element('td');
      td.append(cell);
      return td;
    }));
    return row;
  }));
  $(name).parentElement.hidden = !lines.length;
  $(`no-${name}`).hidden = lines.length > 0;
}

function copied(command) {
  const line = element('span', undefined, 'command'), button = element('button', 'copy');
  button.type = 'button';
  button.setAttribute('aria-label', `copy ${command}`);
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(command);
      button.textContent = 'copied';
    } catch (error) { button.textContent = 'select and copy'; }
    setTimeout(() => { button.textContent = 'copy'; }, 2000);
  });
  line.append(element('code', command), button);
  return line;
}

function readBy(member) {
  const topics = Object.entries(member.partitions), count = topics.reduce((sum, [, read]) => sum + read.length, 0);
  const made = element('span', count ? `${count} partitions of ${topics.length} topics` : 'nothing yet');
  made.title = topics.map(([topic, read]) => `${topic} ${read.join(', ')}`).join('\n');
  return made;
}

function isSlowed(bucket) { return bucket.rate_share < 1 || bucket.next_call_in_s >= 1; }

function stateOf(bucket) {
  if (bucket.next_call_in_s >= 1) return element('span', `paused, next call in ${age(bucket.next_call_in_s)}`, 'failed');
  if (isSlowed(bucket)) return element('span', 'throttled', 'failed');
  return element('span', 'free', 'completed');
}

function showState(state) {
  const nobody = [[element('span', 'Not known: Kafka does not answer.', 'failed'), '', '']];
  fill('members', state.members ? state.members.map((each) => [element('code', each.name), each.host, readBy(each)]) : nobody);
  const waits = state.lag && [...state.lag].sort((a, b) => b.records - a.records).slice(0, 40);
  fill('lag', waits ? waits.map((each) => [each.topic, `${each.partition}`, known(each.records)]) : nobody);
  fill('upstream', state.upstream.map((each) => [
    each.bucket, stateOf(each), `${Math.round(100 * each.rate_share)} % of the plan`,
    each.refused_s_ago === null ? 'none' : `${age(each.refused_s_ago)} ago`,
  ]));
}

async function showLetters() {
  const found = (await asked('/dead-letters')).dead_letters;
  fill('letters', found.map((each) => {
    const why = element('div'), commands = element('div');
    why.append(element('b', each.reason), element('div', each.message, 'soft'));
    commands.append(...[each.commands.show, each.commands.replay].filter((command) => command).map(copied));
    const at = new Date(each.timestamp_ms).toISOString().slice(0, 19).replace('T', ' ');
    const key = typeof each.key === 'string' ? each.key : each.key === null ? '' : 'not text';
    return [at, why, each.topic, element('code', key), commands];
  }));
}

function known(value) { return value === null ? 'not known' : value.toLocaleString('en'); }

function tile(name, value) {
  const made = element('div');
  made.append(element('dt', name), element('dd', value));
  return made;
}

async function look() {
  try {
    const state = await asked('/state'), slowed = state.upstream.filter(isSlowed).map((each) => each.bucket);
    const tiles = [
      tile('requests that run', known(state.running)),
      tile('workers', known(state.workers)),
      tile('records that wait', known(state.lag_records)),
      tile('dead letters', known(state.dead_letters)),
      tile('credits today (UTC)', known(state.credits_today)),
    ];
    const upstream = slowed.length ? `throttled: ${slowed.join(', ')}` : state.upstream.length ? 'free' : 'not asked';
    $('state').replaceChildren(...tiles, tile('upstream', upstream));
    showState(state);
    if (state.dead_letters !== null && state.dead_letters !== letters) {
      await showLetters();
      letters = state.dead_letters;
    }
  } catch (error) { note(error); }
  setTimeout(look, 5000);
}

const all = new EventSource('/events');
all.addEventListener('analysis-progress', progressed);
all.addEventListener('open', soon);
addEventListener('hashchange', choose);
$('status').addEventListener('change', () => turnTo(null));
$('older').addEventListener('click', () => turnTo(next));
$('newest').addEventListener('click', () => turnTo(null));
setInterval(soon, 15000);
refresh().then(choose);
look();
