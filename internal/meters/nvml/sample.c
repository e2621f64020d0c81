//go:build cgo && linux

#define _GNU_SOURCE
#include "sample.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { unsigned long long total, free, used; } memory_v1;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } memory_v2;
typedef struct { unsigned int gpu, memory; } utilisation;

struct ws_library {
	void *so;
	unsigned int (*board)(unsigned int, void **);
	unsigned int (*fields)(void *, int, ws_field *);
	unsigned int (*power)(void *, unsigned int *);
	unsigned int (*energy)(void *, unsigned long long *);
	unsigned int (*utilisation)(void *, utilisation *);
	unsigned int (*memory1)(void *, memory_v1 *);
	unsigned int (*memory2)(void *, memory_v2 *);
	unsigned int (*temperature)(void *, int, unsigned int *);
	unsigned int (*clock)(void *, int, unsigned int *);
	unsigned int (*pstate)(void *, int *);
	unsigned int (*throttle)(void *, unsigned long long *);
	unsigned int (*ecc)(void *, int, int, unsigned long long *);
};

/* bind stores the address of a symbol, NULL when there is none. */
static void bind(const ws_library *lib, void *where, const char *symbol)
{
	void *at = dlsym(lib->so, symbol);
	memcpy(where, &at, sizeof at);
}

ws_library *ws_open(const char *path, char *why, int size)
{
	/* The dynamic loader counts: this is the object that go-nvml opens too. */
	void *so = dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
	if (so == NULL) {
		const char *text = dlerror();
		snprintf(why, (size_t)size, "%s", text != NULL ? text : "unknown reason");
		return NULL;
	}
	ws_library *lib = calloc(1, sizeof *lib);
	if (lib == NULL) {
		snprintf(why, (size_t)size, "no memory");
		dlclose(so);
		return NULL;
	}
	lib->so = so;
	bind(lib, &lib->board, "nvmlDeviceGetHandleByIndex_v2");
	if (lib->board == NULL)
		bind(lib, &lib->board, "nvmlDeviceGetHandleByIndex");
	bind(lib, &lib->fields, "nvmlDeviceGetFieldValues");
	bind(lib, &lib->power, "nvmlDeviceGetPowerUsage");
	bind(lib, &lib->energy, "nvmlDeviceGetTotalEnergyConsumption");
	bind(lib, &lib->utilisation, "nvmlDeviceGetUtilizationRates");
	bind(lib, &lib->memory1, "nvmlDeviceGetMemoryInfo");
	bind(lib, &lib->memory2, "nvmlDeviceGetMemoryInfo_v2");
	bind(lib, &lib->temperature, "nvmlDeviceGetTemperature");
	bind(lib, &lib->clock, "nvmlDeviceGetClockInfo");
	bind(lib, &lib->pstate, "nvmlDeviceGetPerformanceState");
	bind(lib, &lib->throttle, "nvmlDeviceGetCurrentClocksEventReasons");
	if (lib->throttle == NULL)
		bind(lib, &lib->throttle, "nvmlDeviceGetCurrentClocksThrottleReasons");
	bind(lib, &lib->ecc, "nvmlDeviceGetTotalEccErrors");
	return lib;
}

int ws_has(const ws_library *lib, const char *symbol) { return dlsym(lib->so, symbol) != NULL; }

uint32_t ws_board(const ws_library *lib, unsigned int index, void **board)
{
	return lib->board == NULL ? WS_NO_SYMBOL : lib->board(index, board);
}

uint32_t ws_fields(const ws_library *lib, void *board, int n, ws_field *values)
{
	return lib->fields == NULL ? WS_NO_SYMBOL : lib->fields(board, n, values);
}

uint32_t ws_power(const ws_library *lib, void *board, unsigned int *mw)
{
	return lib->power == NULL ? WS_NO_SYMBOL : lib->power(board, mw);
}

uint32_t ws_energy(const ws_library *lib, void *board, unsigned long long *mj)
{
	return lib->energy == NULL ? WS_NO_SYMBOL : lib->energy(board, mj);
}

static void read_memory(const ws_library *lib, void *board, ws_use *out)
{
	out->memory_ret = WS_NO_SYMBOL;
	if (lib->memory2 != NULL) {
		memory_v2 m = {.version = (unsigned int)sizeof(memory_v2) | (2u << 24)};
		out->memory_ret = lib->memory2(board, &m);
		if (out->memory_ret == 0) {
			out->memory_version = 2;
			out->used = m.used;
			out->reserved = m.reserved;
			out->total = m.total;
			return;
		}
	}
	if (lib->memory1 != NULL) {
		memory_v1 m = {0};
		out->memory_ret = lib->memory1(board, &m);
		out->memory_version = 1;
		out->used = m.used;
		out->reserved = 0;
		out->total = m.total;
	}
}

void ws_read_use(const ws_library *lib, void *board, ws_use *out)
{
	utilisation u = {0};
	out->utilisation_ret = lib->utilisation == NULL ? WS_NO_SYMBOL : lib->utilisation(board, &u);
	out->utilisation = u.gpu;
	read_memory(lib, board, out);
}

void ws_read_state(const ws_library *lib, void *board, int ecc, ws_state *out)
{
	enum { temperature_gpu = 0, clock_sm = 1, clock_memory = 2, corrected = 0, uncorrected = 1, since_load = 0 };
	unsigned int t = 0, sm = 0, memory = 0;
	int pstate = 0;
	unsigned long long bits = 0, few = 0, many = 0;
	out->temperature_ret = lib->temperature == NULL ? WS_NO_SYMBOL : lib->temperature(board, temperature_gpu, &t);
	out->sm_ret = lib->clock == NULL ? WS_NO_SYMBOL : lib->clock(board, clock_sm, &sm);
	out->memory_ret = lib->clock == NULL ? WS_NO_SYMBOL : lib->clock(board, clock_memory, &memory);
	out->pstate_ret = lib->pstate == NULL ? WS_NO_SYMBOL : lib->pstate(board, &pstate);
	out->throttle_ret = lib->throttle == NULL ? WS_NO_SYMBOL : lib->throttle(board, &bits);
	out->corrected_ret = out->uncorrected_ret = WS_NO_SYMBOL;
	if (ecc && lib->ecc != NULL) {
		out->corrected_ret = lib->ecc(board, corrected, since_load, &few);
		out->uncorrected_ret = lib->ecc(board, uncorrected, since_load, &many);
	}
	out->temperature = (int32_t)t;
	out->sm_mhz = sm;
	out->memory_mhz = memory;
	out->pstate = (uint32_t)pstate;
	out->throttle = bits;
	out->corrected = few;
	out->uncorrected = many;
}
