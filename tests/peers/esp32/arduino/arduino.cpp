#include "Arduino.h"
#include "WiFi.h"

#include "board.hpp"
#include "esp_timer.h"

SerialPort Serial;
WiFiStation WiFi;

unsigned long millis() { return static_cast<unsigned long>(esp_timer_get_time() / 1000 * board.speed); }

void delay(unsigned long ms) { board.sleepMs(ms); }

int main(int count, char **arguments) {
  board.configure(count, arguments);
  setup();
  for (;;) loop();
}
