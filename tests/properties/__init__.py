"""What always holds, whatever hypothesis makes up."""
