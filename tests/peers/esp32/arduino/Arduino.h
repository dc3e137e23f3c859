// Arduino's functions, as far as the sketches and the stand-ins of the libraries use them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <WString.h>

void setup();
void loop();

unsigned long millis();
void delay(unsigned long ms);

struct SerialPort {
  void begin(unsigned long) {}
  void println(const char *text) { fprintf(stderr, "%s\n", text); }
};

extern SerialPort Serial;
