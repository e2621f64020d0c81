//go:build ignore

/* A stand-in for the NVIDIA driver's library, for tests: it answers as
 * libnvidia-ml.so.1 from the file that $NVMLSTUB_CONFIG names. Its driver
 * version says that it is simulated. nvmlstub.go describes the file and
 * builds the library; NVMLSTUB_OMIT_x leaves the symbol x out.
 *
 * Power is a function of time, and the energy counter its exact integral, so
 * that what a meter makes of both can be held against a closed form. */
#include "play.h"

#define API __attribute__((visibility("default")))

static ret check(const gpu *g, const char *symbol)
{
	double t = now();
	if (!S.up) return UNINITIALISED;
	if (g < S.gpus || g >= S.gpus + S.count) return INVALID;
	if (g->lost_at > 0 && t >= g->lost_at) return LOST;
	for (int i = 0; i < g->ncodes; i++)
		if (strcmp(g->codes[i].name, symbol) == 0 && t >= g->codes[i].from && t < g->codes[i].to) return g->codes[i].code;
	return OK;
}

#define CHECK(g) do { ret code_ = check(g, __func__); if (code_ != OK) return code_; } while (0)

#ifndef NVMLSTUB_OMIT_nvmlInit_v2
API ret nvmlInit_v2(void)
{
	if (S.up > 0) { S.up++; return OK; }
	ret r = load();
	if (r == OK) S.up = 1;
	return r;
}
API ret nvmlInitWithFlags(unsigned int flags) { (void)flags; return nvmlInit_v2(); }
#endif

API ret nvmlShutdown(void)
{
	if (S.up == 0) return UNINITIALISED;
	if (--S.up == 0)
		for (int i = 0; i < MAX_GPUS; i++) { free(S.gpus[i].trace); S.gpus[i].trace = NULL; }
	return OK;
}

API const char *nvmlErrorString(ret r) { (void)r; return "an error of the simulated library"; }

static ret give(const char *text, char *out, unsigned int n)
{
	if (!S.up) return UNINITIALISED;
	if (text[0] == 0) return NOT_SUPPORTED;
	if (strlen(text) >= n) return TOO_SMALL;
	copy(out, n, text);
	return OK;
}

API ret nvmlSystemGetDriverVersion(char *out, unsigned int n) { return give(S.driver, out, n); }
API ret nvmlSystemGetNVMLVersion(char *out, unsigned int n) { return give(S.nvml, out, n); }
API ret nvmlSystemGetCudaDriverVersion(int *v) { *v = S.cuda; return S.up ? (S.cuda > 0 ? OK : NOT_SUPPORTED) : UNINITIALISED; }
API ret nvmlDeviceGetCount_v2(unsigned int *n) { *n = (unsigned int)S.count; return S.up ? OK : UNINITIALISED; }

API ret nvmlDeviceGetHandleByIndex_v2(unsigned int i, gpu **out)
{
	if (!S.up) return UNINITIALISED;
	if (i >= (unsigned int)S.count) return INVALID;
	*out = &S.gpus[i];
	for (int k = 0; k < (*out)->ncodes; k++)
		if (strcmp((*out)->codes[k].name, __func__) == 0) return (*out)->codes[k].code;
	return OK;
}

API ret nvmlDeviceGetHandleByUUID(const char *uuid, gpu **out)
{
	for (int i = 0; i < S.count; i++)
		if (strcmp(uuid, S.gpus[i].uuid) == 0) { *out = &S.gpus[i]; return OK; }
	return NOT_FOUND;
}

API ret nvmlDeviceGetName(gpu *g, char *out, unsigned int n) { CHECK(g); return give(g->name, out, n); }
API ret nvmlDeviceGetUUID(gpu *g, char *out, unsigned int n) { CHECK(g); return give(g->uuid, out, n); }
API ret nvmlDeviceGetVbiosVersion(gpu *g, char *out, unsigned int n) { CHECK(g); return give(g->vbios, out, n); }

API ret nvmlDeviceGetArchitecture(gpu *g, unsigned int *out)
{
	CHECK(g);
	*out = g->arch;
	return g->arch > 0 ? OK : NOT_SUPPORTED;
}

typedef struct {
	char legacy[16];
	unsigned int domain, bus, device, id, subsystem;
	char text[32];
} pci;

API ret nvmlDeviceGetPciInfo_v3(gpu *g, pci *out)
{
	CHECK(g);
	if (g->bus[0] == 0) return NOT_SUPPORTED;
	memset(out, 0, sizeof *out);
	out->id = g->pci_device;
	copy(out->text, sizeof out->text, g->bus);
	return OK;
}

API ret nvmlDeviceGetEnforcedPowerLimit(gpu *g, unsigned int *mw)
{
	CHECK(g);
	*mw = g->limit_mw;
	return g->limit_mw > 0 ? OK : NOT_SUPPORTED;
}

API ret nvmlDeviceGetMigMode(gpu *g, unsigned int *mode, unsigned int *pending)
{
	CHECK(g);
	*mode = *pending = (unsigned int)g->mig_on;
	return g->mig_supported ? OK : NOT_SUPPORTED;
}

API ret nvmlDeviceGetMaxMigDeviceCount(gpu *g, unsigned int *n) { CHECK(g); *n = g->mig_supported ? 7 : 0; return OK; }

API ret nvmlDeviceGetMigDeviceHandleByIndex(gpu *g, unsigned int i, gpu **out)
{
	CHECK(g);
	*out = g;
	return i < (unsigned int)g->mig_devices ? OK : NOT_FOUND;
}

API ret nvmlDeviceGetEccMode(gpu *g, unsigned int *mode, unsigned int *pending)
{
	CHECK(g);
	*mode = *pending = (unsigned int)g->ecc_on;
	return g->ecc_supported ? OK : NOT_SUPPORTED;
}

API ret nvmlDeviceGetTotalEccErrors(gpu *g, int kind, int counter, unsigned long long *out)
{
	CHECK(g);
	(void)counter;
	*out = kind == 0 ? g->corrected : g->uncorrected;
	return g->ecc_supported && g->ecc_on ? OK : NOT_SUPPORTED;
}

API ret nvmlDeviceGetPowerUsage(gpu *g, unsigned int *mw)
{
	CHECK(g);
	*mw = milliwatts(g, g->average_window > 0 && g->arch >= 7 ? g->average_window : g->window);
	return OK;
}

#ifndef NVMLSTUB_OMIT_nvmlDeviceGetTotalEnergyConsumption
API ret nvmlDeviceGetTotalEnergyConsumption(gpu *g, unsigned long long *mj)
{
	CHECK(g);
	*mj = millijoules(g);
	return OK;
}
#endif

typedef struct {
	unsigned int id, scope;
	long long stamp, latency;
	int kind;
	ret ret;
	union { double d; unsigned int u; unsigned long long ull; } v;
} value;

/* a field's own return code is that of the made-up symbol "field<id>" */
static void answer(gpu *g, value *f)
{
	char symbol[32];
	snprintf(symbol, sizeof symbol, "field%u", f->id);
	f->stamp = (long long)(1e6 * now());
	f->latency = 0;
	f->ret = check(g, symbol);
	if (f->ret != OK) return;
	int power = f->id == 185 || f->id == 186;
	if (f->scope > 1 || (power && (int)f->scope != g->scope) || (!power && f->scope != 0)) { f->ret = power ? NOT_SUPPORTED : INVALID; return; }
	switch (f->id) {
	case 185:
		f->kind = 1;
		f->v.ull = milliwatts(g, g->average_window);
		f->ret = g->average_window > 0 ? OK : NOT_SUPPORTED;
		break;
	case 186: f->kind = 1; f->v.ull = milliwatts(g, g->window); break;
	case 83: f->kind = 3; f->v.ull = millijoules(g); break;
	case 74: f->kind = 3; f->v.ull = (unsigned long long)(1e9 * g->throttled * now()); break;
	case 75: f->kind = 3; f->v.ull = 0; break;
	default: f->ret = NOT_SUPPORTED;
	}
}

#ifndef NVMLSTUB_OMIT_nvmlDeviceGetFieldValues
API ret nvmlDeviceGetFieldValues(gpu *g, int n, value *values)
{
	CHECK(g);
	if (n <= 0 || values == NULL) return INVALID;
	for (int i = 0; i < n; i++) answer(g, &values[i]);
	return OK;
}
#endif

typedef struct { unsigned long long total, free, used; } memory1;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } memory2;
typedef struct { unsigned int gpu, memory; } rates;

API ret nvmlDeviceGetMemoryInfo(gpu *g, memory1 *out)
{
	CHECK(g);
	double used = trace_value(g, 1, g->memory) + g->reserved;
	out->total = (unsigned long long)g->total;
	out->used = (unsigned long long)used;
	out->free = (unsigned long long)(g->total - used);
	return g->total > 0 ? OK : NOT_SUPPORTED;
}

#ifndef NVMLSTUB_OMIT_nvmlDeviceGetMemoryInfo_v2
API ret nvmlDeviceGetMemoryInfo_v2(gpu *g, memory2 *out)
{
	CHECK(g);
	if (out->version != (sizeof(memory2) | (2u << 24))) return INVALID;
	double used = trace_value(g, 1, g->memory);
	out->total = (unsigned long long)g->total;
	out->reserved = (unsigned long long)g->reserved;
	out->used = (unsigned long long)used;
	out->free = (unsigned long long)(g->total - used - g->reserved);
	return g->total > 0 ? OK : NOT_SUPPORTED;
}
#endif

API ret nvmlDeviceGetUtilizationRates(gpu *g, rates *out)
{
	CHECK(g);
	if (g->mig_on) return NOT_SUPPORTED;
	out->gpu = (unsigned int)trace_value(g, 0, g->util);
	out->memory = out->gpu / 2;
	return OK;
}

API ret nvmlDeviceGetTemperature(gpu *g, int sensor, unsigned int *out)
{
	CHECK(g);
	*out = (unsigned int)g->temperature;
	return sensor == 0 ? OK : INVALID;
}

API ret nvmlDeviceGetClockInfo(gpu *g, int kind, unsigned int *out)
{
	CHECK(g);
	*out = (unsigned int)(kind == 2 ? g->mem : g->sm);
	return OK;
}

API ret nvmlDeviceGetMaxClockInfo(gpu *g, int kind, unsigned int *out) { return nvmlDeviceGetClockInfo(g, kind, out); }
API ret nvmlDeviceGetPerformanceState(gpu *g, int *out) { CHECK(g); *out = g->pstate; return OK; }

#ifndef NVMLSTUB_OMIT_nvmlDeviceGetCurrentClocksEventReasons
API ret nvmlDeviceGetCurrentClocksEventReasons(gpu *g, unsigned long long *out) { CHECK(g); *out = g->throttle; return OK; }
#endif
API ret nvmlDeviceGetCurrentClocksThrottleReasons(gpu *g, unsigned long long *out) { CHECK(g); *out = g->throttle; return OK; }

typedef struct { unsigned int pid; unsigned long long bytes; unsigned int gi, ci; } info;

#ifndef NVMLSTUB_OMIT_nvmlDeviceGetComputeRunningProcesses_v3
API ret nvmlDeviceGetComputeRunningProcesses_v3(gpu *g, unsigned int *n, info *out)
{
	CHECK(g);
	unsigned int room = *n, have = 0;
	double t = now();
	for (int i = 0; i < g->nprocs; i++) {
		const proc *p = &g->procs[i];
		if (t < p->from || t >= p->to) continue;
		if (have < room && out != NULL) out[have] = (info){p->pid, p->bytes, 0xFFFFFFFFu, 0xFFFFFFFFu};
		have++;
	}
	*n = have;
	return have > room ? TOO_SMALL : OK;
}
#endif

API ret nvmlDeviceGetGraphicsRunningProcesses_v3(gpu *g, unsigned int *n, info *out)
{
	CHECK(g);
	(void)out;
	*n = 0;
	return OK;
}

/* none: the driver's own history of samples is not simulated */
API ret nvmlDeviceGetSamples(gpu *g, int type, unsigned long long since, int *kind, unsigned int *n, void *out)
{
	CHECK(g);
	(void)type, (void)since, (void)kind, (void)n, (void)out;
	return NOT_SUPPORTED;
}
