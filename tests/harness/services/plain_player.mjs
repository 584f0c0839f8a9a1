// A player that knows nothing of the SDK: a WebSocket and JSON, as docs/WIRE.md describes them.
//
// `node plain_player.mjs URL TICKET`: joins with the ticket, says hello, shows where it is, loses its connection, comes
// back by itself, and goes on until another player has shown its own place and said a word. Prints what it was shown.

const [url, ticket] = process.argv.slice(2);
const TIME_MAX_MS = 45_000;
const SHOW_EVERY_MS = 50;

let live;
let resume;
let seq = 0;
let drops = 0;
let place;
let word;
const joined = new Set();

const say = (event, data = {}) => live.readyState === WebSocket.OPEN && live.send(JSON.stringify({ event, data }));

function end(code, line) {
  console.log(line);
  process.exit(code);
}

setTimeout(() => end(1, `took too long: ${JSON.stringify({ place, word, drops })}`), TIME_MAX_MS);

const greet = () => say('send_message', { message: 'hello from a browser' });

const heard = {
  room_joined(data) {
    if (drops > 0 && !data.resumed) end(1, 'the session did not go on');
    resume = data.resume;
    if (drops === 0 && data.players.length > 1) greet();
  },
  player_joined(data) {
    joined.add(data.player.player_id);
    greet();
  },
  state_update(data) {
    place = data.state;
    // Once it works, it has to work after a drop as well.
    if (drops === 0) {
      drops = 1;
      live.close();
    }
  },
  message(data) {
    word = data.message;
  },
  error(data) {
    end(1, `refused: ${data.code} ${data.message}`);
  },
};

function connect() {
  live = new WebSocket(url);
  live.onopen = () => say('join_room', resume ? { resume, last_seq: seq } : { ticket });
  live.onmessage = ({ data: text }) => {
    const { event, data } = JSON.parse(text);
    heard[event]?.(data);
    if (event !== 'state_update' && data?.seq) say('ack', { seq: (seq = data.seq) });
    if (place && word && drops > 0) {
      end(0, `PLAIN ${JSON.stringify({ place, word, joined: joined.size })}`);
    }
  };
  live.onclose = () => setTimeout(connect, 100);
}

connect();
setInterval(() => say('player_state_update', { state: { position: { $vector2: [1.5, 2.5] }, score: 7 } }), SHOW_EVERY_MS);
