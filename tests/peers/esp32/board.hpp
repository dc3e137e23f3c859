// What all programs for an ESP32 get of this machine: the command line, the clock, a WebSocket connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

typedef struct ssl_st SSL;

// The command line: PORT SPEED PICTURES...
struct Board {
  uint16_t port = 0; // of 127.0.0.1, whatever address the program has
  double speed = 1;  // of the clock that the program waits by
  std::vector<std::string> pictures;

  void configure(int count, char **arguments);
  void sleepMs(unsigned long ms) const;
};

extern Board board;

[[noreturn]] void fail(const std::string &why);

// A connection to the daemon, as a WebSocket client: RFC 6455.
class Connection {
public:
  enum Opcode { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
  struct Frame {
    int opcode;
    bool isFinal;
    std::string payload;
  };

  // Longer payloads have a mask of zeros: the Arduino libraries change none of their bytes.
  explicit Connection(size_t maskedBytes) : maskedBytes(maskedBytes) {}
  ~Connection() { close(); }
  // Where a library connects to, and what it adds to its request.
  struct Target {
    std::string path, protocol;
    std::string headers;           // whole lines, each with its end
    std::string host, certificate; // in PEM: the only one that is trusted, for TLS with a server of this name; empty: no TLS
  };
  // Opens it with the request of a library, as tests/data/openings has it, but for what the target says.
  bool open(const std::string &library, const Target &target);
  bool isOpen() const { return socket >= 0; }
  bool hasInput(int waitMs = 0);
  // Waits for a frame. Pings are answered; a close is, too, and ends the connection.
  bool receive(Frame &frame);
  bool send(int opcode, bool isFinal, const void *data, size_t length);
  void close();

private:
  const size_t maskedBytes;
  int socket = -1;
  SSL *tls = nullptr;

  bool beginTls(const Target &target);
  bool sendAll(const void *data, size_t length);
  bool receiveAll(void *data, size_t length);
};
