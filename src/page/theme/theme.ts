/**
 * The component library made to look like this page: its variables point to those of tokens.css.
 *
 * Its own dimmed, filled and error colours are overridden because they fall below the contrast that WCAG asks for.
 */
import {
  type CSSVariablesResolver,
  createTheme,
  Input,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from '@mantine/core';

const SANS = '"IBM Plex Sans", "Plex Sans Fallback", system-ui, sans-serif';
const MONO = '"IBM Plex Mono", "Plex Mono Fallback", ui-monospace, monospace';

/** The library wants ten shades of each colour; every use of them is overridden below. */
const shades = (colour: string): MantineColorsTuple => {
  const ten = Array.from({ length: 10 }, () => colour);
  return ten as unknown as MantineColorsTuple;
};

const colours: VariantColorsResolver = ({ color, variant }) => {
  const isDanger = color === 'danger';
  const border = '1px solid transparent';
  if (variant === 'filled')
    return {
      background: isDanger ? 'var(--block)' : 'var(--fill)',
      hover: isDanger ? 'var(--block-hover)' : 'var(--fill-hover)',
      color: 'var(--on-fill)',
      border,
    };
  const ink = isDanger ? 'var(--block)' : 'var(--text)';
  if (variant === 'subtle' || variant === 'transparent' || variant === 'light')
    return {
      background: variant === 'light' ? 'var(--panel)' : 'transparent',
      hover: 'var(--panel)',
      color: ink,
      border,
    };
  return { background: 'transparent', hover: 'var(--panel)', color: ink, border: '1px solid var(--border)' };
};

/** Fields: written at the element, because the library's own rules for the two schemes outweigh a style sheet. */
const FIELD = {
  '--input-bd': 'var(--border)',
  '--input-bd-focus': 'var(--focus)',
  '--input-bg': 'var(--page)',
  '--input-color': 'var(--text)',
  '--input-placeholder-color': 'var(--muted)',
  '--input-disabled-bg': 'var(--panel)',
  '--input-disabled-color': 'var(--muted)',
} as Readonly<Record<string, string>>;

export const theme = createTheme({
  primaryColor: 'ink',
  colors: { ink: shades('var(--fill)'), danger: shades('var(--block)') },
  variantColorResolver: colours,
  fontFamily: SANS,
  fontFamilyMonospace: MONO,
  headings: { fontFamily: SANS, fontWeight: '600' },
  fontSizes: { xs: '12px', sm: '14px', md: '14px', lg: '16px', xl: '20px' },
  lineHeights: { xs: '16px', sm: '20px', md: '20px', lg: '24px', xl: '28px' },
  spacing: { xs: '4px', sm: '8px', md: '12px', lg: '16px', xl: '24px' },
  radius: { xs: '4px', sm: '6px', md: '6px', lg: '6px', xl: '6px' },
  defaultRadius: 'sm',
  breakpoints: { xs: '20em', sm: '48em', md: '48em', lg: '75em', xl: '90em' },
  focusRing: 'never',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: { defaultProps: { variant: 'default' } },
    Input: Input.extend({ vars: () => ({ wrapper: FIELD }) }),
    Popover: { defaultProps: { transitionProps: { duration: 120 } } },
    Menu: { defaultProps: { transitionProps: { duration: 120 } } },
  },
});

const named = {
  '--mantine-color-body': 'var(--page)',
  '--mantine-color-text': 'var(--text)',
  '--mantine-color-bright': 'var(--text)',
  '--mantine-color-dimmed': 'var(--muted)',
  '--mantine-color-placeholder': 'var(--muted)',
  '--mantine-color-error': 'var(--block)',
  '--mantine-color-anchor': 'var(--text)',
  '--mantine-color-default': 'var(--page)',
  '--mantine-color-default-hover': 'var(--panel)',
  '--mantine-color-default-color': 'var(--text)',
  '--mantine-color-default-border': 'var(--border)',
  '--mantine-primary-color-filled': 'var(--fill)',
  '--mantine-primary-color-filled-hover': 'var(--fill-hover)',
  '--mantine-primary-color-contrast': 'var(--on-fill)',
  '--mantine-color-white': 'var(--on-fill)',
  '--mantine-color-disabled': 'var(--panel)',
  '--mantine-color-disabled-color': 'var(--muted)',
  '--mantine-color-disabled-border': 'var(--hairline)',
} as const;

/** Set for both schemes, where the library's own are set as well. */
export const variables: CSSVariablesResolver = () => ({ variables: {}, light: { ...named }, dark: { ...named } });
