/* The functions of the Python package dnsp, with the calling convention of C: one library serves every Python.
   Functions that can fail return 0 for success; dnsp_error() is then the reason. A thread has its own reason. */
#ifndef DNSP_C_H
#define DNSP_C_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

const char* dnsp_version(void);
/* The reason of the last failure in this thread. */
const char* dnsp_error(void);

/* A scalar volume: voxels[(z * ny + y) * nx + x], sizes along x, y, z, voxel sizes in mm. */
typedef struct {
    float* voxels;
    int32_t size[3];
    double voxel_mm[3];
} dnsp_volume;
/* Frees voxels that dnsp_upscale() allocated. */
void dnsp_free(dnsp_volume* volume);

/* The axis of the slices that programs of DNSP would choose: 0, 1 or 2. */
int dnsp_slice_axis(const dnsp_volume* volume, int32_t* axis);

/* The name of the weights in `folder` for slices along `axis`: scale 2, 3 or 4 in plane, 1 through plane. `name` has room for
   256 bytes. */
int dnsp_choose_weights(const char* folder, const dnsp_volume* volume, int32_t axis, int32_t scale, char* name);

/* Enlarges a volume by a weights file. new_voxel_mm: through plane, distance of the new slices; 0: the pixel size. `result` is
   filled; its voxels belong to the caller, who frees them by dnsp_free(). */
int dnsp_upscale(const dnsp_volume* volume, int32_t axis, const char* weights, double new_voxel_mm, dnsp_volume* result);

/* The loss terms without learned filters, their names separated by spaces. */
const char* dnsp_terms(void);

/* A loss term of [images, height, width] values and its gradient with respect to `output`, both averaged over the images as in
   training. is_double: float64 instead of float32. cuda: device number, or -1 for the CPU, where all memory lies. target: may be
   null for terms that have none. options: a JSON object, for example {"delta": 0.01}. */
int dnsp_term(const char* name, const char* options, int32_t is_double, int32_t cuda, const int64_t shape[3], const void* output,
              const void* target, double* value, void* gradient);

#ifdef __cplusplus
}
#endif
#endif
