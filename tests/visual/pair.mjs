// SPDX-License-Identifier: Apache-2.0
//
// The words of the lists: two pictures of a page with what must come of them, and what is often done to a page.

export const pair = (name, expect, size, page, base, current, more = {}) => ({name, expect, size, page, base, current, ...more});
export const at = (size, scale) => ({...size, scale});
export const jpeg = (quality) => ({format: 'jpeg', quality});
export const nudge = (selector, x, y = 0) => ({css: `${selector}{transform:translate(${x}px,${y}px)}`});
