#!/usr/bin/node
// A camera in JavaScript, with the library `ws` (Debian: nodejs, node-ws).
//
//     node_ws.js 'ws://127.0.0.1:8999/frames/door?results' pictures/*.jpg
//
// A board with tokens needs one at the end of the address: `?results&token=fovea_...`.
//
// It sends the pictures at its own rate, as a camera does, and prints the answers that come on the same connection.

const { readFileSync } = require("fs");
const WebSocket = require("ws");

const RATE_HZ = 20;
const [url, ...pictures] = process.argv.slice(2);
const server = new WebSocket(url);
let sent = 0;

server.on("open", () => {
  const timer = setInterval(() => {
    if (server.readyState !== WebSocket.OPEN || sent === pictures.length) return clearInterval(timer);
    server.send(readFileSync(pictures[sent++])); // a binary message is one JPEG or PNG
  }, 1000 / RATE_HZ);
});

server.on("message", (text) => {
  console.log(text.toString());
  if (JSON.parse(text).seq === pictures.length) server.close(); // pictures count from 1; this was the last
});

server.on("close", (code, reason) => {
  if (code === 1005) return; // our own close has no code
  console.error(`the server ended the connection: ${code} ${reason}`);
  process.exitCode = 1;
});

server.on("error", (error) => console.error(`${url}: ${error.message}`));
