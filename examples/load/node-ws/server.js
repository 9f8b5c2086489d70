// The bare broadcast to compare a hub with: each message goes to the others of its room, and nothing else happens.
//
//   apt-get install node-ws
//   NODE_PATH=/usr/share/nodejs node server.js [PORT]
//
// No log, no commit, no answer, no authentication, no order across devices: the least that a WebSocket server can do
// for a fan-out. Rooms are named by the query: /?room=7. Prints the port on which it listens (0 takes a free one).
const http = require('http');
const { WebSocketServer } = require('ws');

const rooms = new Map();
const server = http.createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

sockets.on('connection', (socket, request) => {
  const name = new URL(request.url, 'http://localhost').searchParams.get('room') || '';
  let room = rooms.get(name);
  if (!room) rooms.set(name, (room = new Set()));
  room.add(socket);
  socket._socket.setNoDelay(true);
  socket.on('message', (message, isBinary) => {
    for (const other of room) {
      if (other !== socket) other.send(message, { binary: isBinary });
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    room.delete(socket);
    if (room.size === 0) rooms.delete(name);
  });
});

process.on('SIGTERM', () => process.exit(0));
server.listen(Number(process.argv[2] || 0), '127.0.0.1', 4096, () => console.log(server.address().port));
