#!/usr/bin/node
// A camera in JavaScript, on the library `ws` (Debian: nodejs, node-ws).
//
//     node_ws.js 'ws://127.0.0.1:8999/frames/door?results' pictures/*.jpg
//
// Sends the pictures at its own rate, as a camera would, and prints what comes back on the same connection.

const { readFileSync } = require("fs");
const WebSocket = require("ws");

const RATE_HZ = 20;
const [url, ...pictures] = process.argv.slice(2);
const eye = new WebSocket(url);
let sent = 0;

eye.on("open", () => {
  const timer = setInterval(() => {
    if (eye.readyState !== WebSocket.OPEN || sent === pictures.length) return clearInterval(timer);
    eye.send(readFileSync(pictures[sent++])); // a binary message is one JPEG or PNG
  }, 1000 / RATE_HZ);
});

eye.on("message", (text) => {
  console.log(text.toString());
  if (JSON.parse(text).seq === pictures.length) eye.close(); // pictures are counted from 1; this was the last
});

eye.on("close", (code, reason) => {
  if (code === 1005) return; // our own close, which gives no code
  console.error(`the daemon ended the connection: ${code} ${reason}`);
  process.exitCode = 1;
});

eye.on("error", (error) => console.error(`${url}: ${error.message}`));
