#pragma once

#include <string>

// Arduino's string, as far as the stand-ins of the libraries use it.
class String : public std::string {
public:
  String(const char *text = "") : std::string(text) {}
  String(const std::string &text) : std::string(text) {}
};
