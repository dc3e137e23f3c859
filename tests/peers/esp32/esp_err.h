#pragma once

#include <stdio.h>
#include <stdlib.h>

typedef int esp_err_t;

#define ESP_OK 0
#define ESP_FAIL -1
#define ESP_ERROR_CHECK(call) ((call) == ESP_OK ? (void)0 : (fprintf(stderr, "%s failed\n", #call), abort()))
