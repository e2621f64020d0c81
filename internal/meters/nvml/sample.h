/* What is read at every tick, through the library that go-nvml has opened.
 * The layouts are those of the driver's interface; nothing here allocates once
 * a library is open. A function that the library lacks answers WS_NO_SYMBOL. */
#ifndef WATTSWEEP_NVML_SAMPLE_H
#define WATTSWEEP_NVML_SAMPLE_H

#include <stdint.h>

#define WS_NO_SYMBOL 0xFFFFFFFEu

typedef struct {
	uint32_t id, scope;
	int64_t stamp_us, latency_us;
	uint32_t kind, ret;
	uint8_t value[8];
} ws_field;

typedef struct {
	uint32_t utilisation_ret, utilisation;
	uint32_t memory_ret, memory_version;
	uint64_t used, reserved, total;
} ws_use;

typedef struct {
	uint32_t temperature_ret;
	int32_t temperature;
	uint32_t sm_ret, sm_mhz;
	uint32_t memory_ret, memory_mhz;
	uint32_t pstate_ret, pstate;
	uint32_t throttle_ret, spare;
	uint64_t throttle;
	uint32_t corrected_ret, uncorrected_ret;
	uint64_t corrected, uncorrected;
} ws_state;

typedef struct ws_library ws_library;

/* ws_open gives NULL with the loader's words in why. A library once opened
 * stays in memory: functions that were bound to it may be called again. */
ws_library *ws_open(const char *path, char *why, int size);
int ws_has(const ws_library *lib, const char *symbol);
uint32_t ws_board(const ws_library *lib, unsigned int index, void **board);
uint32_t ws_fields(const ws_library *lib, void *board, int n, ws_field *values);
uint32_t ws_power(const ws_library *lib, void *board, unsigned int *mw);
uint32_t ws_energy(const ws_library *lib, void *board, unsigned long long *mj);
void ws_read_use(const ws_library *lib, void *board, ws_use *out);
void ws_read_state(const ws_library *lib, void *board, int ecc, ws_state *out);

#endif
